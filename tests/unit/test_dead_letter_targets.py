"""A dead letter comes back as the record that it was made of, or it is said why it can't."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flink_job.config.model import FileSource
from flink_job.deadletters.offsets import FileBook
from flink_job.deadletters.positions import ReplayPosition
from flink_job.deadletters.reading import Letter
from flink_job.deadletters.targets import FileTarget, file_target, into_file, into_kafka, key_of
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.staging.reading import read
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.letters import dead_letter
from operators.contracts.records import DeadLetter
from operators.events.decode import Rejected
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.events.spec import EventsSpec

HEADS = KeysAndTimes(EventsSpec())


class _BrokeError(Exception):
    """A replay that ended early."""


def letter(
    key: bytes | None, value: bytes | None, reason: Reason = Reason.BAD_TIME, most: int = 1_000
) -> Letter:
    """The letter that the job makes of a record."""
    rejected = Rejected(0, reason, "")
    lost = NULL if value is None else value
    return Letter("0", 0, dead_letter(rejected, NULL if key is None else key, lost, 0, most))


# What stands for null in the JVM's arrays can't be told from it.
nullable = st.none() | st.binary(max_size=20).filter(lambda value: value != NULL)


@given(nullable, nullable)
def test_key_and_value_come_back_byte_for_byte(key: bytes | None, value: bytes | None) -> None:
    made = letter(key, value)
    assert (key_of(made, None), made.raw) == (key, value)
    refused = into_kafka(1_000, None)(made)
    assert refused == ("neither a key nor a value" if (key, value) == (None, None) else None)


def test_what_is_not_whole_is_refused_everywhere() -> None:
    cut = letter(b"ann", b"x" * 11, most=10)
    row = letter(None, b"\0flockwise:row:a,b", Reason.BAD_ROW)
    for refusal in (into_kafka(1_000, None), into_file):
        assert refusal(cut) == "only its beginning was kept"
        assert "CSV" in (refusal(row) or "")


def test_a_letter_that_the_topic_does_not_take_is_refused() -> None:
    refusal = into_kafka(1_000, None)
    assert refusal(letter(b"ann", b"x" * 860)) is None
    assert "1,000 bytes" in (refusal(letter(b"ann", b"x" * 900)) or "")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (None, b'{"user_id": 7}', b"7"),
        (b"bob", b'{"user_id": "ann"}', b"ann"),
        (b"bob", b"no JSON", b"bob"),
        (b"bob", None, b"bob"),
    ],
)
def test_with_a_new_key_a_letter_goes_by_its_user(
    key: bytes | None, value: bytes | None, expected: bytes
) -> None:
    assert key_of(letter(key, value), HEADS) == expected


@given(values=st.lists(st.binary(max_size=12), max_size=8))
def test_each_letter_is_one_line_of_a_file_that_a_run_reads(
    values: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    letters = [letter(None, value) for value in values]
    fit = [each for each in letters if into_file(each) is None]
    path = tmp_path_factory.mktemp("replay") / "letters.jsonl"
    with path.open("wb") as file:
        FileTarget(file).deliver(fit, {})
    lines = list(read(path, FileSource(paths=[], format="jsonl")))
    one_line = [value.replace(b"\r", b" ").replace(b"\n", b" ") for value in values]
    assert lines == [
        line for line, value in zip(one_line, values, strict=True) if value.strip(b"\r\n")
    ]


def test_a_file_is_there_when_it_is_complete_and_then_the_places_are_kept(tmp_path: Path) -> None:
    path, book = tmp_path / "letters.jsonl", FileBook(tmp_path / "run" / "places.json")
    places = {"part": ReplayPosition(4, {"late": 9})}
    with suppress(_BrokeError), file_target(path, book) as target:
        target.deliver([letter(None, b"{}")], places)
        raise _BrokeError
    assert list(tmp_path.iterdir()) == []
    assert book.read() == {}
    with file_target(path, book) as target:
        target.deliver([letter(None, b"{}")], places)
    assert path.read_bytes() == b"{}\n"
    assert book.read() == places
    with pytest.raises(UsageError, match="is there already"), file_target(path, book):
        pass


def test_without_letters_there_is_no_file(tmp_path: Path) -> None:
    path, book = tmp_path / "letters.jsonl", FileBook(tmp_path / "places.json")
    with file_target(path, book) as target:
        target.deliver([], {"part": ReplayPosition(4)})
    assert not path.exists()
    assert book.read() == {"part": ReplayPosition(4)}


def test_a_book_keeps_the_places_of_other_parts(tmp_path: Path) -> None:
    book = FileBook(tmp_path / "places.json")
    book.write({"a": ReplayPosition(1), "b": ReplayPosition(2)})
    book.write({"b": ReplayPosition(3)})
    assert book.read() == {"a": ReplayPosition(1), "b": ReplayPosition(3)}


def test_a_book_that_is_broken_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    path.write_text("{")
    with pytest.raises(FlockwiseError, match="can't be read"):
        FileBook(path).read()


def test_a_letter_without_a_value_is_none() -> None:
    assert Letter("0", 0, DeadLetter("null_value", "", "")).raw is None
    assert Letter("0", 0, DeadLetter("not_json", "", "", raw="")).raw == b""
