"""What Profile tells Learn: the newest profiles of the users who may be in its sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from operators.base.arrays import Ints, Rows
from operators.base.frame import FeatureColumn, Frame
from operators.clustering.learning.sample import SampleUpdate, drawn, tickets
from operators.clustering.space import Space
from operators.clustering.stored import to_bytes
from operators.features.clocks import EvaluationRound, Step
from operators.pages.table import UserTable


class Sampler:
    """Draws the users of a lane, one of `lanes`, for the models over these spaces."""

    def __init__(
        self, columns: Mapping[str, FeatureColumn], spaces: Mapping[str, Space], lanes: int
    ) -> None:
        self._columns = columns
        self._spaces = spaces
        self._lanes = lanes

    def updates(self, table: UserTable, step: Step) -> Iterator[tuple[str, SampleUpdate]]:
        """What a step of the clock means for the sample of each model; nothing if it means none."""
        if not self._spaces:
            return
        gone = tickets(table.hashes[step.forgotten.rows]).tobytes()
        rows, frame = self._newest(table, step.rounds)
        if not len(rows) and not gone:
            return
        own, at_us = tickets(table.hashes[rows]).tobytes(), frame.now_us.tobytes()
        for name, space in self._spaces.items():
            yield name, SampleUpdate(own, at_us, to_bytes(space.points(frame)), gone)

    def ends(
        self, table: UserTable, step: Step, as_of_us: int
    ) -> Iterator[tuple[str, SampleUpdate]]:
        """Of each model the profiles of everyone who is evaluated at the end in a step."""
        for round_ in step.rounds:
            at = np.flatnonzero(round_.now_us == as_of_us)
            if not len(at):
                continue
            rows, now_us = round_.rows[at], round_.now_us[at]
            frame = Frame(self._columns, round_.values[:, at], now_us, table.dictionary)
            own = tickets(table.hashes[rows]).tobytes()
            for name, space in self._spaces.items():
                yield name, SampleUpdate(own, now_us.tobytes(), to_bytes(space.points(frame)))

    def _newest(self, table: UserTable, rounds: Sequence[EvaluationRound]) -> tuple[Rows, Frame]:
        """The last evaluation of each user drawn."""
        chosen = [self._chosen(table, round_) for round_ in rounds]
        pairs = list(zip(rounds, chosen, strict=True))
        rows = _joined([round_.rows[at] for round_, at in pairs])
        now_us = _joined([round_.now_us[at] for round_, at in pairs])
        values = [round_.values[:, at] for round_, at in pairs]
        rows, last = np.unique(rows[::-1], return_index=True)
        last = len(now_us) - 1 - last
        all_values = np.concatenate(values, axis=1) if values else np.empty((len(self._columns), 0))
        return rows, Frame(self._columns, all_values[:, last], now_us[last], table.dictionary)

    def _chosen(self, table: UserTable, round_: EvaluationRound) -> Ints:
        return np.flatnonzero(drawn(tickets(table.hashes[round_.rows]), len(table), self._lanes))


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
