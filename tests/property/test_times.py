"""Times in one sweep are the times one by one, in whatever form they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from operators.events.reasons import Reason
from operators.events.spec import TIME_UNITS_NS
from operators.events.times import Times

FORMS = [
    lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    lambda moment: moment.isoformat(timespec="microseconds"),
    lambda moment: moment.isoformat(timespec="seconds").replace("+00:00", ""),
    lambda moment: moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC"),
    lambda moment: moment.isoformat(timespec="seconds").replace("+00:00", "+02:00"),
    lambda moment: moment.isoformat(),
    lambda moment: moment.date().isoformat(),
]
moments = st.datetimes(datetime(1969, 12, 30), datetime(3001, 1, 1), timezones=st.just(UTC))
broken = st.sampled_from(
    [
        None,
        "",
        17,
        "2026-02-30T10:00:00Z",
        "2026-02-28T24:00:00Z",
        "2026-02-28T10:00:60Z",
        "0000-02-28T10:00:00Z",
        "2026-02-28T10:00:00X",
        "2026-02-28X10:00:00Z",
        "２026-02-28T10:00:00Z",
        "NaT",
    ]
)


@given(st.sampled_from(FORMS), st.lists(moments, min_size=1), st.lists(broken, max_size=1))
def test_texts_of_one_form_are_read_as_each_alone(
    form: Any, instants: list[datetime], spoilt: list[Any]
) -> None:
    values = [*map(form, instants), *spoilt]
    times_us, faults = Times(None).read(values)
    for at, value in enumerate(values):
        alone_us, fault = Times(None).read([None, value])  # no text among them: one by one
        assert times_us[at] == alone_us[1]
        assert faults.get(at) == fault.get(1)


@given(st.lists(moments, min_size=1))
def test_iso_texts_are_the_moments_they_write(instants: list[datetime]) -> None:
    times_us, faults = Times(None).read([moment.isoformat() for moment in instants])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for at, moment in enumerate(instants):
        if at in faults:
            wanted = Reason.BEFORE_1970 if moment < epoch else Reason.FUTURE
            assert faults[at][0] is wanted
        else:
            assert times_us[at] == (moment - epoch) // timedelta(microseconds=1)


@given(st.lists(st.integers(-5, 40_000_000_000), min_size=1))
def test_whole_numbers_are_read_as_each_alone(seconds: list[int]) -> None:
    times_us, faults = Times(TIME_UNITS_NS["s"]).read(seconds)
    for at, second in enumerate(seconds):
        alone_us, fault = Times(TIME_UNITS_NS["s"]).read([None, second])
        assert times_us[at] == alone_us[1]
        assert faults.get(at) == fault.get(1)


@given(
    st.sampled_from(sorted(TIME_UNITS_NS)),
    st.lists(st.integers(0, 32_503_680_000_000_000_000), min_size=1),
    st.booleans(),
)
def test_numbers_in_each_unit_are_the_microseconds_they_write(
    unit: str, nanoseconds: list[int], as_text: bool
) -> None:
    """As whole numbers, and as texts with all their decimals."""
    unit_ns = TIME_UNITS_NS[unit]
    whole = [ns // unit_ns * unit_ns for ns in nanoseconds] if not as_text else nanoseconds
    written: list[Any] = [ns // unit_ns for ns in whole]
    if as_text:
        written = [str(Decimal(ns) / unit_ns) for ns in whole]
    for values in (written, [*written, None]):
        times_us, _ = Times(unit_ns).read(values)
        assert times_us.tolist()[: len(whole)] == [ns // 1_000 for ns in whole]
