"""The key that `load` gives a record is the one that the job expects of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from flink_job.loading.keys_and_times import KeysAndTimes
from operators.events.decode import EventDecoder
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.events.spec import EventsSpec

SPEC = EventsSpec(user="who", time="when", type="what", time_unit="ms")
LATEST_US = 2_000_000_000_000_000
OF_THE_USER = {Reason.MISSING_USER, Reason.BAD_USER, Reason.NULL_KEY, Reason.KEY_MISMATCH}

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["", "é", "x" * 513, 10**50, 1.0, "\0", "1", [], {}])
)  # fmt: skip
OBJECTS = st.fixed_dictionaries(
    {}, optional={"who": SCALARS, "when": SCALARS, "what": SCALARS, "other": SCALARS}
)


def raw(event: object) -> bytes:
    """An event as a file may hold it: json.dumps writes NaN and lone surrogates too."""
    return json.dumps(event).encode()


RECORDS = st.lists(OBJECTS.map(raw) | st.binary(max_size=10) | SCALARS.map(raw), max_size=12)


@given(RECORDS)
@example([raw({"who": "a", "when": "never", "what": "view"}), b'{"who": "\\ud800"}', b"[" * 9_999])
def test_a_record_fails_for_its_user_only_where_that_can_t_be_read(values: list[bytes]) -> None:
    keys = KeysAndTimes(SPEC).keys(values)
    decoder = EventDecoder(SPEC, ["view"], (), ())
    decoded = decoder.decode([key or NULL for key in keys], values, LATEST_US)
    reasons = {rejected.source: rejected.reason for rejected in decoded.rejected}
    for at, key in enumerate(keys):
        assert reasons.get(at) not in {Reason.NULL_KEY, Reason.KEY_MISMATCH}
        assert (key is None) >= (reasons.get(at) in OF_THE_USER)
        if key is None:
            assert at in reasons


@given(st.lists(SCALARS, max_size=12))
def test_times_are_those_that_the_job_reads(times: list[Any]) -> None:
    values = [raw({"who": "a", "when": time, "what": "view"}) for time in times]
    found = KeysAndTimes(SPEC).times_us(values)
    decoded = EventDecoder(SPEC, ["view"], (), (), keyed=False).decode((), values, 2**63 - 1)
    used = dict(zip(decoded.events.source.tolist(), decoded.events.time_us.tolist(), strict=True))
    assert found == [used.get(at) for at in range(len(values))]
