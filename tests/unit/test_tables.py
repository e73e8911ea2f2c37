"""`flockwise export --outcomes`: the tables, their files, and the dictionary of their columns."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.tables.dictionary import DICTIONARY, columns, described
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
    UserOutcome,
)
from operators.contracts.records import Assignment, Belonging, encode

ROOT: Final = Path(__file__).parents[2]
BOUGHT: Final = UserOutcome(converted=2, conversions=3, value=30.5, squares=500.25)
RECORDS: Final[tuple[OutcomeRecord, ...]] = (
    DayOutcomes(
        name='Ünlü, "VIP"',
        series="s",
        day="2026-11-03",
        entries=4,
        exits=1,
        stayed_seconds=60.5,
        members=GroupDay(
            conversions={"purchase": 3},
            value={"purchase": 30.5},
            sessions=9,
            seconds=120.0,
            pages=20,
            bounces=2,
            converted={"purchase": 2},
            session_value={"purchase": 31.0},
            steps=[9, 4],
        ),
        others=GroupDay(sessions=7),
    ),
    DayOutcomes(name="3", series="t", day="2026-11-03", model="shoppers", entries=5),
    CohortOutcomes(
        name="A",
        series="s",
        cohort="2026-11-02",
        stratum="mobile",
        members=Cohort(users=10, outcomes={"purchase": BOUGHT}, retained=[10, 4]),
        held_out=Cohort(users=1, retained=[1]),
        both={"B": Cohort(users=2, outcomes={"purchase": UserOutcome(1, 1, 10.0, 100.0)})},
    ),
)
ASSIGNED: Final = (
    Assignment(
        *("ann", 7, "2026-11-03T00:00:00Z", ["A"], {"A": "2026-11-02T00:00:00Z"}),
        held_out={"B": "2026-11-03T00:00:00Z"},
        clusters={"shoppers": Belonging(3, "many views", 0.5, 0.9, 12)},
    ),
    Assignment("bob", 8, "2026-11-03T00:00:00Z", []),
)


def configured(folder: Path, *records: OutcomeRecord) -> Path:
    """A configuration over files whose run has published these."""
    config: dict[str, Any] = {
        "source": {"files": {"paths": ["events.csv"]}},
        "output": {"folder": "out"},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {"A": {"when": "views > 3"}},
        "outcomes": {
            "purchase": {"event": "purchase", "value": "price"},
            "sign up": {"event": "signup"},
        },
    }
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(config))
    told = {"outcomes": records, "assignments": ASSIGNED}
    for topic, some in told.items():
        lines = folder / "out" / topic
        lines.mkdir(parents=True)
        (lines / "part-0").write_bytes(b"".join(encode(each) + b"\n" for each in some))
    return path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["export", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def written(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_row_is_flat_and_every_number_is_there(tmp_path: Path) -> None:
    path, folder = str(configured(tmp_path, *RECORDS)), tmp_path / "new" / "tables"
    run(path, "--outcomes", "--to", str(folder))
    members, held_out, others, cluster = sorted(
        written(folder, "days"), key=lambda row: (row["model"], row["group"] != "members")
    )
    assert members == {
        **{"model": "", "segment": 'Ünlü, "VIP"', "series": "s", "day": "2026-11-03"},
        **{"group": "members", "entries": "4", "exits": "1", "stayed_seconds": "60.5"},
        **{"members_before": "0", "sessions": "9", "seconds": "120.0", "pages": "20"},
        **{"bounces": "2", "step_1": "9", "step_2": "4", "purchase__conversions": "3"},
        **{"purchase__value": "30.5", "purchase__converted_sessions": "2"},
        **{"purchase__session_value": "31.0", "sign up__conversions": "0"},
        **{"sign up__value": "0.0", "sign up__converted_sessions": "0"},
        "sign up__session_value": "0.0",
    }
    assert (held_out["group"], held_out["entries"], held_out["sessions"]) == ("held_out", "", "0")
    assert (others["sessions"], others["purchase__value"]) == ("7", "0.0")
    assert (cluster["model"], cluster["segment"], cluster["entries"]) == ("shoppers", "3", "5")
    cohorts = written(folder, "cohorts")
    assert [row["group"] for row in cohorts] == ["members", "held_out", "others"]
    assert cohorts[0] == {
        **{"segment": "A", "series": "s", "cohort": "2026-11-02", "stratum": "mobile"},
        **{"group": "members", "users": "10", "retained_0": "10", "retained_1": "4"},
        **{"purchase__converted_users": "2", "purchase__conversions": "3"},
        **{"purchase__value": "30.5", "purchase__value_squares": "500.25"},
        **{"sign up__converted_users": "0", "sign up__conversions": "0"},
        **{"sign up__value": "0.0", "sign up__value_squares": "0.0"},
    }
    (pair,) = written(folder, "pairs")
    assert (pair["segment"], pair["other"], pair["users"], pair["purchase__value"]) == (
        *("A", "B", "2", "10.0"),
    )
    assert [list(row.values()) for row in written(folder, "memberships")] == [
        ["ann", "segment", "", "A", "", "2026-11-02T00:00:00Z", "7"],
        ["ann", "held_out", "", "B", "", "2026-11-03T00:00:00Z", "7"],
        ["ann", "cluster", "shoppers", "3", "many views", "", "7"],
    ]


def test_parquet_says_the_same_with_types(tmp_path: Path) -> None:
    path = str(configured(tmp_path, *RECORDS))
    for format_ in ("csv", "parquet"):
        run(path, "--outcomes", "--to", str(tmp_path / "tables"), "--format", format_)
    for table in DICTIONARY:
        typed = parquet.read_table(tmp_path / "tables" / f"{table}.parquet")
        plain = written(tmp_path / "tables", table)
        told = [
            {k: "" if v is None else str(v) for k, v in row.items()} for row in typed.to_pylist()
        ]
        assert told == plain
    days = parquet.read_table(tmp_path / "tables" / "days.parquet")
    assert days.schema.field("day").type == pa.date32()
    assert days.schema.field("entries").type == pa.int64()
    assert days.column("day")[0].as_py() == date(2026, 11, 3)
    assert days.column("model").null_count == 3


def test_tables_of_nothing_have_their_columns(tmp_path: Path) -> None:
    path = str(configured(tmp_path, RECORDS[1]))
    for format_ in ("csv", "parquet"):
        run(path, "--outcomes", "--to", str(tmp_path), "--format", format_)
    assert written(tmp_path, "pairs") == []
    assert parquet.read_table(tmp_path / "pairs.parquet").num_rows == 0
    header = (tmp_path / "pairs.csv").read_text().splitlines()[0].split(",")
    assert header[:6] == ["segment", "series", "cohort", "stratum", "other", "users"]


def test_every_field_of_a_record_is_in_a_table() -> None:
    fields = {
        field
        for record in (DayOutcomes, CohortOutcomes, GroupDay, Cohort, UserOutcome)
        for field in record.__struct_fields__
    }
    # Under other names, or as rows of their own; versions are of publishing.
    told = {
        *("name", "members", "held_out", "others", "both", "outcomes", "version", "steps"),
        *("retained", "converted", "squares"),
    }
    words = {word for _, name, _, _ in described() for word in re.split("__|_(?=[A-Z])", name)}
    assert fields - told <= words


def test_names_of_outcomes_never_collide() -> None:
    outcomes = ["a", "a_session", "a__value", "step_1", "users"]
    for table in DICTIONARY:
        names = [each.name for each in columns(table, outcomes, steps=3, periods=3)]
        assert len(set(names)) == len(names)


def test_the_dictionary_is_told_and_stands_on_its_page(tmp_path: Path) -> None:
    path = str(configured(tmp_path))
    lines = run(path, "--dictionary").splitlines()
    assert lines[0].split()[:3] == ["table", "column", "type"]
    assert len(lines) == 1 + len(list(described()))
    objects = [json.loads(line) for line in run(path, "--dictionary", "--json").splitlines()]
    assert [tuple(each.values()) for each in objects] == list(described())
    page = (ROOT / "flink_job" / "tables" / "README.md").read_text()
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    assert rows == list(described())


def test_what_can_not_be_is_told_in_a_line(tmp_path: Path) -> None:
    def refused(path: str, *words: str) -> str:
        done = CliRunner().invoke(app, ["export", path, *words])
        assert isinstance(done.exception, FlockwiseError), done.output
        kind = 2 if isinstance(done.exception, UsageError) else 1
        return f"{kind}: {done.exception}"

    path = str(configured(tmp_path, *RECORDS))
    assert refused(path, "--outcomes").startswith("2: --outcomes: expected a folder")
    assert refused(path, "--outcomes", "--to", "x", "--format", "xls") == (
        "2: --format: expected csv or parquet, found 'xls'"
    )
    (tmp_path / "file").write_text("")
    assert "can't be written" in refused(path, "--outcomes", "--to", str(tmp_path / "file"))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    told = refused(str(configured(nothing)), "--outcomes", "--to", str(tmp_path / "t"))
    assert told.startswith("1: nothing is published of outcomes yet")
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_many_memberships_are_written_in_parts(tmp_path: Path, format_: str) -> None:
    path = configured(tmp_path, *RECORDS)
    many = [msgspec.structs.replace(ASSIGNED[0], user=f"u{at}") for at in range(20_000)]
    lines = b"".join(encode(each) + b"\n" for each in many)
    (tmp_path / "out" / "assignments" / "part-1").write_bytes(lines)
    run(str(path), "--outcomes", "--to", str(tmp_path / "t"), "--format", format_)
    if format_ == "csv":
        assert len(written(tmp_path / "t", "memberships")) == 3 * 20_001
    else:
        assert parquet.read_metadata(tmp_path / "t" / "memberships.parquet").num_row_groups == 2
