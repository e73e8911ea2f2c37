"""Files as the job gets them: in order, whole, and broken rows kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flink_job.config.model import FileSource
from flink_job.connectors.staging import LANE_WIDTH, RETURN, Staged, read, stage
from operators.base.errors import UsageError
from operators.events.markers import BAD_ROW
from operators.events.spec import EventsSpec

LATEST_US = 1_800_000_000_000_000


def rows(path: Path, **source: object) -> list[bytes]:
    return list(read(path, FileSource([str(path)], **source)))  # type: ignore[arg-type]


def staged(tmp_path: Path, *paths: Path) -> Staged:
    source = FileSource([str(path) for path in paths])
    return stage(source, EventsSpec(), tmp_path / "staged" / "events.gz", LATEST_US, lambda _: None)


def lines(found: Staged) -> list[tuple[bytes, bytes]]:
    """Lanes and records, as Flink reads them."""
    with gzip.open(found.path, "rt", encoding="utf-8", newline=None) as file:
        texts = [line.rstrip("\n").replace(RETURN, "\r") for line in file]
    return [(text[:LANE_WIDTH].encode(), text[LANE_WIDTH:].encode("latin-1")) for text in texts]


def test_csv_rows_become_objects_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('\ufeffuser_id,note,price\nann,"two\nlines, ""quoted""",1.5\nbob,,\n')
    assert [json.loads(row) for row in rows(path)] == [
        {"user_id": "ann", "note": 'two\nlines, "quoted"', "price": "1.5"},
        {"user_id": "bob", "note": "", "price": ""},
    ]


def test_a_csv_without_header_takes_the_columns_that_are_given(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("ann,1\n")
    assert [json.loads(row) for row in rows(path, columns=["user", "n"])] == [
        {"user": "ann", "n": "1"}
    ]


def test_broken_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"user_id,price\nann\nbob,1,2\n\ncay,\xff\n")
    assert rows(path) == [BAD_ROW + b"ann", BAD_ROW + b"bob,1,2", b"cay,\xff"]


def test_json_lines_are_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'{"a": 1}\r\n\nnot json \xff\x00\x1e\n{"b": "\\n"}')
    assert rows(path) == [b'{"a": 1}', b"not json \xff\x00\x1e", b'{"b": "\\n"}']


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.txt", b"", "expected a name ending in .csv, .jsonl"),
        ("events.csv", b"", "expected a first line of column names"),
        ("events.csv", b"a,a\n1,2\n", "expected a first line of column names"),
        ("events.csv.gz", b"not gzip", "gzip"),
        ("events.jsonl.gz", gzip.compress(b"{}\n" * 99, mtime=0)[:-10], "end-of-stream"),
    ],
)
def test_files_that_cannot_be_read_say_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as raised:
        rows(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        rows(tmp_path / "events.csv")


def test_files_are_staged_in_order_with_their_users_lanes(tmp_path: Path) -> None:
    one, two = tmp_path / "b.jsonl", tmp_path / "a.csv"
    event = {"user_id": "änn", "event_time": "2026-01-01T00:00:00Z", "event_type": "view"}
    one.write_text(json.dumps(event) + "\ngarbage\n")
    two.write_text("user_id,event_time,event_type\nänn,2026-01-02T00:00:00Z,cart\n")
    found = staged(tmp_path, one, two)
    kept = lines(found)
    assert found.records == 3
    assert found.newest_us == 1_767_312_000_000_000
    assert [value.startswith(b"garbage") for _, value in kept] == [False, True, False]
    lane = b"%08x" % crc32("änn".encode())
    assert [kept[0][0], kept[2][0]] == [lane, lane]


@given(st.lists(st.binary(min_size=1, max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=9))
def test_every_byte_comes_through(values: list[bytes]) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "events.jsonl"
        path.write_bytes(b"\n".join(values))
        kept = [value.strip(b"\r") for value in values]
        assert [value for _, value in lines(staged(Path(name), path))] == [v for v in kept if v]


def test_the_newest_event_is_one_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    times = ["2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"]
    path.write_text(
        "\n".join(
            json.dumps({"user_id": "ann", "event_time": time, "event_type": "view"})
            for time in times
        )
    )
    assert staged(tmp_path, path).newest_us == 1_767_225_600_000_000
    path.write_text("garbage\n")
    assert staged(tmp_path, path).newest_us is None
