"""Any records, written in each format and read back, are what they were; broken files are told."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flink_job.config.model import FileSource
from flink_job.staging.reading import read
from operators.base.errors import UsageError
from tests.effort import examples

Record = Mapping[str, str]

NAMES: Final = ("user_id", "event_time", "t\u00fcp", "note; or, | not")
CELLS: Final = st.text(
    st.one_of(
        st.sampled_from(list(",;|\t\"'\n \u00fc\u20ac1.")),
        st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0x2FF),
    ),
    max_size=12,
)
RECORDS: Final = st.lists(
    st.fixed_dictionaries(dict.fromkeys(NAMES, CELLS)).filter(lambda record: any(record.values())),
    min_size=1,
    max_size=6,
)


def as_csv(records: Sequence[Record], **options: Any) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, NAMES, quoting=csv.QUOTE_ALL, **options)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def as_lines(records: Sequence[Record]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def as_parquet(records: Sequence[Record]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(list(records)), file)
    return file.getvalue()


def as_zip(records: Sequence[Record]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("events.csv", as_csv(records))
    return file.getvalue()


WRITTEN: Final[dict[str, tuple[str, Callable[[Sequence[Record]], bytes]]]] = {
    **{
        f"csv {separator!r}": (
            "a.csv",
            lambda records, separator=separator: as_csv(records, delimiter=separator).encode(),
        )
        for separator in ",;|\t"
    },
    "csv of Unix": ("a.csv", lambda records: as_csv(records, lineterminator="\n").encode()),
    "csv in UTF-16": ("a.csv", lambda records: as_csv(records).encode("utf-16")),
    "tsv": ("a.tsv", lambda records: as_csv(records, delimiter="\t").encode("utf-8-sig")),
    "json lines": ("a.jsonl", lambda records: as_lines(records).encode()),
    "json array": ("a.json", lambda records: json.dumps(records).encode()),
    "indented": ("a.json", lambda records: json.dumps(records, indent=3).encode("utf-16")),
    "parquet": ("a.parquet", as_parquet),
    "gz": ("a.csv.gz", lambda records: gzip.compress(as_csv(records).encode())),
    "zip": ("a.zip", as_zip),
}


def read_back(name: str, content: bytes) -> list[bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return list(read(path, FileSource([str(path)])))


def assert_told_or_read(name: str, content: bytes) -> None:
    """One line says what is wrong with a file and names it, or each record is a line."""
    try:
        found = read_back(name, content)
    except UsageError as error:
        said = str(error)
    else:
        said = name
        assert not any(b"\n" in record for record in found)
    assert name in said
    assert "\n" not in said


@pytest.mark.parametrize("form", WRITTEN)
@settings(max_examples=examples(60))
@given(RECORDS)
def test_what_was_written_is_read_back(form: str, records: list[Record]) -> None:
    name, write = WRITTEN[form]
    assert [json.loads(record) for record in read_back(name, write(records))] == records


@pytest.mark.parametrize("form", WRITTEN)
@settings(max_examples=examples(60))
@given(RECORDS, st.data())
def test_a_broken_file_is_told_or_its_records_are_read(
    form: str, records: list[Record], data: st.DataObject
) -> None:
    """Cut off, or with other bytes in it: a line says what is wrong, or there are records."""
    name, write = WRITTEN[form]
    content = bytearray(write(records))
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at : at + 3] = data.draw(st.binary(max_size=4))
    assert_told_or_read(name, bytes(content))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.json.gz", "a.parquet"])
@settings(max_examples=examples(200))
@given(st.binary(max_size=80))
@example(b"[" * 80)
@example(b'"' * 79)
def test_rubbish_never_breaks_a_reader(name: str, content: bytes) -> None:
    assert_told_or_read(name, content)


PIECES: Final = st.sampled_from(['"', '""', '",', ',"', ",", "x", " ", '"\n'])


@given(st.lists(st.lists(PIECES, max_size=5).map("".join), max_size=9), st.booleans())
@example(['a,"', "b", 'c"', 'd,"'], True)
def test_no_line_of_a_table_vanishes(lines: list[str], ends: bool) -> None:
    """Wherever quotes open and close: what stands on each line is in some record."""
    marked = [f"{line}k{at}z" for at, line in enumerate(lines)]
    text = "\n".join(["user_id,n", *marked]) + "\n" * ends
    found = b" ".join(read_back("a.csv", text.encode())).decode()
    assert [at for at in range(len(lines)) if f"k{at}z" not in found] == []


@given(st.lists(st.text(st.sampled_from('{}[]",:\\a1 \n'), max_size=9), max_size=6))
def test_no_value_of_an_array_vanishes(texts: list[str]) -> None:
    """Texts with brackets, quotes and escapes are in the value that they stand in."""
    events = [{"n": n, "text": text, text: [text]} for n, text in enumerate(texts)]
    assume(all("n" != text != "text" for text in texts))
    found = read_back("a.json", json.dumps(events, indent=1).encode())
    assert [json.loads(record) for record in found] == events
