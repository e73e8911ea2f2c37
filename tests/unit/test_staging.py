"""Files as the job gets them: in order, whole, and broken rows kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flink_job.config.model import FileSource
from flink_job.inspection.survey import Survey
from flink_job.inspection.wanted import Wanted
from flink_job.staging.lines import LANE_WIDTH, RETURN
from flink_job.staging.reading import read
from flink_job.staging.sorting import in_order
from flink_job.staging.sought import Sought
from flink_job.staging.stage import Staging, stage
from operators.base.errors import UsageError
from operators.events.markers import BAD_ROW
from operators.events.spec import EventsSpec

BOM = b"\xef\xbb\xbf"
LATEST_US = 1_800_000_000_000_000


def rows(path: Path, **source: object) -> list[bytes]:
    return list(read(path, FileSource([str(path)], **source)))  # type: ignore[arg-type]


def staged(tmp_path: Path, *paths: Path, **source: Any) -> Survey:
    survey = Survey(Wanted(EventsSpec()), LATEST_US)
    stage(FileSource([str(path) for path in paths], **source), survey, target(tmp_path), Staging())
    return survey


def target(tmp_path: Path) -> Path:
    return tmp_path / "staged" / "events.gz"


def lines(tmp_path: Path) -> list[tuple[bytes, bytes]]:
    """Lanes and records, as Flink reads them."""
    with gzip.open(target(tmp_path), "rt", encoding="utf-8", newline=None) as file:
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
    path.write_bytes("user_id,price\nann\nbob,1,2\n\nçay,".encode() + b"\xff\n")
    assert rows(path) == [BAD_ROW + b"ann", BAD_ROW + b"bob,1,2", "çay,".encode() + b"\xff"]


def test_json_lines_are_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'{"a": 1}\r\n\nnot json \xff\x00\x1e\n{"b": "\\n"}')
    assert rows(path) == [b'{"a": 1}', b"not json \xff\x00\x1e", b'{"b": "\\n"}']


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.txt", b"", "expected a name ending in .csv, .tsv"),
        ("events.csv", b"", "expected a first line of column names"),
        ("events.csv", b"user_id,a,user_id\n1,2,3\n", "columns 1 and 3 are both named 'user_id'"),
        ("events.csv", b'{"user_id": "ann"}\n', "holds JSON"),
        ("events.csv.gz", b"not gzip", "gzip"),
        ("events.jsonl.gz", gzip.compress(b"{}\n" * 99, mtime=0)[:-10], "cut off"),
    ],
)
def test_files_that_cannot_be_read_say_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as raised:
        list(read(path, FileSource([str(path)]), sought=Sought(frozenset({"user_id"}))))
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
    kept = lines(tmp_path)
    assert (found.records, found.usable) == (3, 2)
    assert found.timeline.newest_us == 1_767_312_000_000_000
    assert [value.startswith(b"garbage") for _, value in kept] == [False, True, False]
    lane = b"%08x" % crc32("änn".encode())
    assert [kept[0][0], kept[2][0]] == [lane, lane]


@given(st.lists(st.binary(min_size=1, max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=9))
def test_every_byte_comes_through(values: list[bytes]) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "events.jsonl"
        path.write_bytes(b"\n".join(values))
        staged(Path(name), path, format="jsonl")
        kept = [value.removeprefix(BOM if not at else b"") for at, value in enumerate(values)]
        kept = [value.strip(b"\r") for value in kept]
        assert [value for _, value in lines(Path(name))] == [value for value in kept if value]


def test_the_newest_event_is_one_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    times = ["2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"]
    path.write_text(
        "\n".join(
            json.dumps({"user_id": "ann", "event_time": time, "event_type": "view"})
            for time in times
        )
    )
    assert staged(tmp_path, path).timeline.newest_us == 1_767_225_600_000_000
    path.write_text("garbage\n")
    assert staged(tmp_path, path).timeline.newest_us is None


def test_events_are_brought_into_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    times = ["2026-01-03", "2026-01-01", "no time", "2026-01-02", "2026-01-01", "2026-01-03"]
    events = [
        {"user_id": "ann", "event_time": time, "event_type": "view", "n": n}
        for n, time in enumerate(times)
    ]
    path.write_text("\n".join(map(json.dumps, events)))

    def numbers() -> list[int]:
        return [json.loads(value)["n"] for _, value in lines(tmp_path)]

    assert staged(tmp_path, path).steps_back == 2
    assert numbers() == [1, 2, 4, 3, 0, 5]  # what has no time stays behind its predecessor
    staged(tmp_path, path, order="as_is")
    assert numbers() == [0, 1, 2, 3, 4, 5]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=9)), max_size=60),
    st.integers(1, 60),
)
def test_sorting_outside_memory_is_sorting(found: list[tuple[int, bytes]], run_bytes: int) -> None:
    timed = [(time, value.replace(b"\n", b"") + b"\n") for time, value in found]
    told: list[int] = []
    with TemporaryDirectory() as folder:
        kept = list(in_order(timed, Path(folder), told.append, run_bytes))
    assert kept == [line for _, line in sorted(timed, key=lambda each: each[0])]
    assert sum(told) == 2 * len(timed)


def test_many_runs_are_merged_in_steps(tmp_path: Path) -> None:
    timed = [(1_000 - n, b"%d\n" % n) for n in range(1_000)]
    kept = list(in_order(timed, tmp_path, lambda _: None, run_bytes=1))
    assert kept == [line for _, line in reversed(timed)]
