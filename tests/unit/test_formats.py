"""Files as people have them: each format, how it is found out, and what is told of broken ones."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from flink_job.config.model import FileSource
from flink_job.staging.files import expanded, passed_over
from flink_job.staging.reading import read
from flink_job.staging.sought import Sought
from operators.base.errors import UsageError
from operators.events.markers import BAD_ROW, open_quote

SOUGHT = Sought(frozenset({"user_id", "price"}), frozenset({"price"}))


def records(path: Path, heard: list[str] | None = None, **source: Any) -> list[bytes]:
    hear = (heard if heard is not None else []).append
    return list(read(path, FileSource([str(path)], **source), sought=SOUGHT, hear=hear))


def objects(path: Path, heard: list[str] | None = None, **source: Any) -> list[Any]:
    return [json.loads(record) for record in records(path, heard, **source)]


def written(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ANA, BEN = {"user_id": "ana", "n": [1, {"a": "]"}]}, {"user_id": 'b"en', "n": {}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ANA, BEN]),
        json.dumps([ANA, BEN], indent=2),
        "\n\n" + json.dumps(ANA, indent=1) + "\n" + json.dumps(BEN, indent=1),
        json.dumps(ANA) + ",\n" + json.dumps(BEN) + ",\n",
        json.dumps(ANA) + "\n\n" + json.dumps(BEN),
        json.dumps(ANA) + "\r\n" + json.dumps(BEN) + "\r\n",
    ],
    ids=["array", "indented", "one after another", "commas", "lines", "lines of Windows"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_all_its_shapes(tmp_path: Path, text: str, encoding: str) -> None:
    path = written(tmp_path, "events.json", text.encode(encoding))
    assert objects(path) == [ANA, BEN]


def test_an_array_is_read_as_a_stream(tmp_path: Path) -> None:
    events = [{"user_id": str(n), "text": "x[{" * (n % 50)} for n in range(20_000)]
    path = written(tmp_path, "events.json", json.dumps(events))
    values = read(path, FileSource([str(path)]))
    assert json.loads(next(values)) == events[0]
    assert [json.loads(value) for value in values] == events[1:]


def test_what_is_wrong_inside_a_value_harms_no_other(tmp_path: Path) -> None:
    text = b'[{"a": nope}, 17, "text", {"a": 1 "b": []}, {"b": "\xff"}, {"ok": 1}]'
    assert records(written(tmp_path, "events.json", text)) == [
        *(b'{"a": nope}', b"17", b'"text"', b'{"a": 1 "b": []}', b'{"b": "\xff"}', b'{"ok": 1}')
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n{"a": 2}', "line 2: the array is not closed"),
        ('[{"a": 1},\n\n{"a": "x', "line 3: what begins here has no end"),
        ('{\n"a": 1\n}\n{\n"a"', "line 4: what begins here has no end"),
    ],
)
def test_json_that_is_cut_off_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        records(written(tmp_path, "events.json", text))


def test_lines_that_begin_with_an_array_are_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "events.jsonl", '[1]\n{"a": 1}\n')
    assert records(path) == [b"[1]", b'{"a": 1}']
    path = written(tmp_path, "events.jsonl", '{"a": 1\n{"a": 2}\n')
    assert records(path) == [b'{"a": 1', b'{"a": 2}']


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_separators_and_encodings_are_found_out(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    rows = [["user_id", "name", "price"], ["ana", "M\u00fcller, A.; B|C", "1.5"], ["ben", "", ""]]
    text = "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    path = written(tmp_path, "events.csv", text.encode(encoding))
    assert objects(path) == [
        {"user_id": "ana", "name": "M\u00fcller, A.; B|C", "price": "1.5"},
        {"user_id": "ben", "name": "", "price": ""},
    ]


def test_what_was_found_out_and_may_be_wrong_is_told(tmp_path: Path) -> None:
    heard: list[str] = []
    objects(written(tmp_path, "a.csv", "user_id;n\nana;M\u00fc\n".encode("windows-1252")), heard)
    assert [line.split(": ", 1)[1] for line in heard] == [
        "not UTF-8: read as windows-1252; if it is another, say encoding:",
        "columns are separated by semicolons",
    ]


def test_what_is_said_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "user_id#n#price\nana#'\u0160#x'#1.250,5\n".encode("cp1250"))
    said = {"separator": "#", "quote": "'", "encoding": "cp1250", "decimal": ","}
    assert objects(path, **said) == [{"user_id": "ana", "n": "\u0160#x", "price": "1250.5"}]
    path = written(tmp_path, "b.csv", 'user_id,n\nana,"24 inch\nben,x\n')
    assert [each["n"] for each in objects(path, quote="none")] == ['"24 inch', "x"]


def test_a_line_above_the_header_may_name_the_separator(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "sep=;\r\nuser_id;n\r\nana;1,2\r\n")
    assert objects(path) == [{"user_id": "ana", "n": "1,2"}]


@pytest.mark.parametrize(
    ("cells", "read_as"),
    [
        (["12,5", "1.249,00", "1.249", "x"], ["12.5", "1249.00", "1249", "x"]),
        (["1,249.00", "1,249", "7"], ["1249.00", "1249", "7"]),
        (["12.5", "7"], ["12.5", "7"]),
        (["1,249", "7"], ["1,249", "7"]),  # what is meant can't be told
        (["12,5", "1,249.00"], ["12,5", "1,249.00"]),
    ],
)
def test_decimal_signs_are_found_out(tmp_path: Path, cells: list[str], read_as: list[str]) -> None:
    lines = "".join(f"ana;{cell};{cell}\n" for cell in cells)
    found = objects(written(tmp_path, "a.csv", "user_id;text;price\n" + lines))
    assert [each["price"] for each in found] == read_as
    assert [each["text"] for each in found] == cells  # no number, so as it is


def test_decimal_signs_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    heard: list[str] = []
    objects(written(tmp_path, "a.csv", "user_id;price\nana;1,249\n"), heard)
    assert "say decimal: ','" in heard[-1]


def test_a_quote_that_is_left_open_harms_one_line(tmp_path: Path) -> None:
    text = 'user_id,n\nana,"24 inch" x\nben,"27 inch\ncid,"a\nb"\ndot,"1" x\neva,y\n'
    assert records(written(tmp_path, "a.csv", text)) == [
        b'{"user_id":"ana","n":"24 inch x"}',
        open_quote(3, b'ben,"27 inch'),
        b'{"user_id":"cid","n":"a\\nb"}',
        b'{"user_id":"dot","n":"1 x"}',
        b'{"user_id":"eva","n":"y"}',
    ]
    text = 'user_id,n\nana,x\nben,"27 inch\n'
    assert records(written(tmp_path, "a.csv", text))[1] == open_quote(3, b'ben,"27 inch')


def test_columns_nobody_reads_may_lack_a_name_or_share_one(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ",user_id,x,x\n0,ana,1,2\n")
    assert objects(path) == [{"column 1": "0", "user_id": "ana", "x": "1", "column 4": "2"}]


def test_tsv_has_tabs(tmp_path: Path) -> None:
    path = written(tmp_path, "a.tsv", "user_id\tn,m\nana\t1;2\nben\n")
    assert records(path) == [b'{"user_id":"ana","n,m":"1;2"}', BAD_ROW + b"ben"]


def parquet_file(path: Path) -> None:
    table = pa.table(
        {
            "user_id": ["ana", None],
            "at": pa.array([datetime(2026, 3, 1, tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
            "local": pa.array([datetime(2026, 3, 1), None], pa.timestamp("ms")),
            "price": [1.5, float("nan")],
            "cents": pa.array([Decimal("1.50"), None]),
            "big": [2**60, -1],
            "tags": [["a"], []],
            "more": [{"a": 1}, {"a": None}],
            "old": pa.array([b"text", b"\xff"], pa.binary()),
        }
    )
    pyarrow.parquet.write_table(table, path)


def test_parquet(tmp_path: Path) -> None:
    parquet_file(tmp_path / "a.parquet")
    first, second = objects(tmp_path / "a.parquet")
    assert first == {
        "user_id": "ana",
        "at": "2026-03-01T00:00:00Z",
        "local": "2026-03-01T00:00:00",
        "price": 1.5,
        "cents": "1.50",
        "big": 2**60,
        "tags": ["a"],
        "more": {"a": 1},
        "old": "dGV4dA==",
    }
    assert (second["user_id"], second["price"], second["big"]) == (None, None, -1)
    with pytest.raises(UsageError, match="no Parquet file"):
        records(written(tmp_path, "b.parquet", b"PAR1 and no more"))


def test_zip_files_hold_files(tmp_path: Path) -> None:
    parquet_file(tmp_path / "c.parquet")
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/a.csv", "user_id;n\nana;1\n")
        archive.writestr("b.jsonl.gz", gzip.compress(b'{"b": 1}\n'))
        archive.writestr("__MACOSX/b.jsonl", "rubbish")
        archive.write(tmp_path / "c.parquet", "c.parquet")
    found = objects(path)
    assert found[:2] == [{"user_id": "ana", "n": "1"}, {"b": 1}]
    assert [each["user_id"] for each in found[2:]] == ["ana", None]


def test_gz_may_have_many_members(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n')
    assert objects(written(tmp_path, "a.jsonl.gz", whole)) == [{"a": 1}, {"a": 2}]
    with pytest.raises(UsageError, match=r"a.jsonl.gz: the file is cut off"):
        records(written(tmp_path, "a.jsonl.gz", whole[:-9]))


def test_a_broken_zip_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"all.zip: File is not a zip file"):
        records(written(tmp_path, "all.zip", b"PK\x03\x04 no more"))


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("2/b.csv", "1/a.jsonl", "_SUCCESS", ".x/c.csv", "notes.txt", "d.csv.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(path.relative_to(tmp_path)) for path in expanded([str(tmp_path)])]
    assert names == ["1/a.jsonl", "2/b.csv", "d.csv.gz"]
    assert expanded([str(tmp_path / "*" / "*.csv")]) == [tmp_path / "2" / "b.csv"]
    assert passed_over([str(tmp_path)]) == [tmp_path / "notes.txt"]
    for path in ("nothing*.csv", "_SUCCESS/x", ".x/none"):
        with pytest.raises(UsageError, match="there is no such file"):
            expanded([str(tmp_path / path)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no file in this folder"):
        expanded([str(tmp_path / "empty")])
