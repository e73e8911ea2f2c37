"""What comes from anywhere can't play tricks on a terminal, and stands in its column."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from flink_job.cli.shown import printable, rows, shortened


@given(st.text(st.characters(exclude_characters="\\'", exclude_categories=["Cs"])))
def test_a_text_prints_and_says_what_it_was(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert literal_eval(f"'{shown}'") == text


def test_escape_sequences_lose_their_power() -> None:
    assert printable("\x1b[2J\u202eevil\r\n") == r"\x1b[2J\u202eevil\r\n"


def test_a_long_text_says_how_long_it_is() -> None:
    assert shortened("x" * 1_200, 3) == "xxx… (1,200 characters)"
    assert shortened("xxx", 3) == "xxx"


# Six escapes are as wide as a column may be.
@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=6))
def test_columns_are_as_wide_as_what_is_in_them(cells: list[tuple[str, str]]) -> None:
    lines = list(rows(("user", "since"), cells))
    width = max(map(cell_len, ["user", *(printable(user) for user, _ in cells)]))
    for line, (user, since) in zip(lines, [("user", "since"), *cells], strict=True):
        first = printable(user)
        assert line == (first + " " * (width - cell_len(first) + 2) + printable(since)).rstrip()


def test_rows_come_as_they_are_read() -> None:
    read = []

    def many() -> Iterator[tuple[str, str]]:
        for number in range(10_000):
            read.append(number)
            yield str(number), ""

    lines = rows(("number", ""), many())
    assert [next(lines), next(lines)] == ["number", "0"]
    assert len(read) < 1_000
    assert len(list(lines)) == 9_999
