"""What timers yield is sorted as PyFlink sorts what elements yield."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operators.flink.side_outputs import with_side_outputs


def pyflinks(told: list[Any]) -> Any:
    """An element's function as PyFlink makes it, which keeps what has a tag apart."""

    def process_func(values: Iterator[Any]) -> Iterator[Any]:
        for value in values:
            if isinstance(value, tuple):
                told.append(value)
            else:
                yield value

    def process_element_func1(value: Any) -> Iterator[Any]:
        yield from process_func(iter([value]))

    return process_element_func1


def timer(moment: int) -> Iterator[Any]:
    yield moment
    yield "a tag", moment + 1


def test_what_has_a_tag_goes_to_its_side_output() -> None:
    told: list[Any] = []
    sorted_ = with_side_outputs(pyflinks(told), timer)
    assert sorted_ is not None
    assert list(sorted_(7)) == [7]
    assert told == [("a tag", 8)]


def test_what_is_sorted_already_or_is_no_timer_stays_as_it_is() -> None:
    element = pyflinks([])
    assert with_side_outputs(element, None) is None
    assert with_side_outputs(element, element) is element
