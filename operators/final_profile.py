"""Profile where a history is read for its cluster models alone: nobody is judged.

Key and state: those of `Profile`. Output: of each user the profile at the end, as samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyflink.common import Row

from operators.clustering.learning.sample import encode
from operators.events.decode import Rejected
from operators.features.profiles import Profiles
from operators.flink.streams import SAMPLES
from operators.profile import Profile, StepMessage


class FinalProfile(Profile):
    """Input: that of `Profile`. Side output: (model, `SampleUpdate` as bytes)."""

    def _sent(self, profiles: Profiles, told: StepMessage, lane: int) -> Iterator[Any]:
        as_of_us = self._settings.clock.as_of_us
        assert as_of_us is not None  # only bounded runs have models of their end
        for name, update in self._sampler.ends(profiles.table, told.step, as_of_us):
            yield SAMPLES, Row(name, encode(update))

    def _ended(self, lane: int, profiles: Profiles) -> Iterator[Any]:
        """The run that judges tells what became of the records."""
        yield from ()

    def _refused(
        self, rejected: Sequence[Rejected], keys: Sequence[bytes], values: Sequence[bytes]
    ) -> Iterator[Any]:
        """It tells of those that are refused, too."""
        yield from ()
