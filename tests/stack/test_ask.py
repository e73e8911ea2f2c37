"""`flockwise lookup`, `members` and `export` say what the changelog says, wherever it lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.cli.run import plan_of
from flink_job.stack import CassandraAccess
from operators.base.errors import FlockwiseError, PreflightError, StoreError, UsageError
from operators.contracts.records import Assignment, Belonging, Transition, encode
from tests.stack.asking import flockwise, kafka_config, new_name, write, write_config
from tests.stack.servers import cassandra_store

run = CliRunner().invoke

AT = "2026-01-01T10:00:00.000000Z"
LATER = "2026-01-01T11:00:00.000000Z"


def judged(user: str, version: int, *segments: str, **more: Any) -> Assignment:
    """An assignment with a why for each segment."""
    return Assignment(
        user=user,
        version=version,
        updated_at=LATER,
        segments=list(segments),
        since=dict.fromkeys(segments, AT),
        why={segment: ["views = 7 (> 3)"] for segment in segments},
        **more,
    )


CLUSTERS = {name: {"k": 2, "features": ["views"]} for name in ("shoppers", "all")}
ANN_BEFORE = judged("ann", 1)
ANN = judged(
    "ann", 2, "Bots", "Engaged Buyers",
    cluster=3, rules=5, features={"views": 7.0, "device": None},
    clusters={
        "shoppers": Belonging(
            3, "few views", 0.25, 0.62, 4, 1.5, why=["views = 7 (here 6, next 9)"], since=AT
        ),
        "all": Belonging(8, "all", 9.5, 0.3, 2, -0.5, outlier=True),
    },
)  # fmt: skip
BOB = judged("bob", 1, "Bots")
CEM = judged("cem", 1, "Bots")
CEM_AGAIN = judged("cem", 7)
DAN = judged("dan", 1, "Bots")
EVE = judged("eve", 1, "Bots")

ENTERED = Transition("ann", "Bots", "enter", AT, 1, ["views = 4 (> 3)"], 5)
LEFT = Transition("ann", "Late", "leave", LATER, 2, ["views = 7 (<= 9)"], 5)
GIVEN_UP = Transition("ann", "Never", "enter", LATER, 3)

WHOLE = {"ann": ANN, "bob": BOB, "cem": CEM_AGAIN}


def in_kafka(kafka: str, folder: Path) -> Path:
    """A changelog in Kafka: eve's words were not committed, dan and cem were forgotten."""
    config = kafka_config(kafka, clusters=CLUSTERS)
    topics = config["output"]["kafka"]

    def say(topic: str, *records: Assignment | Transition | str, commit: bool = True) -> None:
        said = [
            (record.encode(), None)
            if isinstance(record, str)
            else (record.user.encode(), encode(record))
            for record in records
        ]
        write(kafka, topics[topic], said, commit=commit)

    say("assignments", ANN_BEFORE, CEM, BOB, DAN)
    say("transitions", ENTERED)
    say("assignments", EVE, judged("bob", 9), commit=False)
    say("assignments", "cem", "dan")
    say("assignments", ANN, CEM_AGAIN)
    say("transitions", GIVEN_UP, commit=False)
    say("transitions", LEFT)
    return write_config(folder, config)


def in_a_folder(folder: Path) -> Path:
    """A changelog in files, one of which is not committed yet."""
    lines: dict[str, list[Assignment | Transition]] = {
        "assignments/part-0-1": [ANN_BEFORE, BOB, judged("cem", 1)],
        "assignments/part-1-0": [CEM_AGAIN, ANN],
        "assignments/.part-1-1.inprogress": [EVE],
        "transitions/part-0-0": [LEFT, ENTERED],
        "transitions/_part-0-1": [GIVEN_UP],
    }
    for name, records in lines.items():
        path = folder / "changelog" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(encode(record) + b"\n" for record in records))
    config = {
        **kafka_config("unused", clusters=CLUSTERS),
        "source": {"files": {"paths": ["events.csv"]}},
        "output": {"folder": "changelog"},
    }
    return write_config(folder, config)


def in_a_store(folder: Path) -> Path:
    """A changelog whose store knows all of it."""
    path = in_a_folder(folder)
    config = json.loads(path.read_bytes())
    path = write_config(folder, {**config, "store": {"kind": "sqlite", "path": "store.db"}})
    open_store = plan_of(path).store()
    assert open_store is not None
    with closing(open_store()) as store:
        store.apply([ANN, BOB, CEM_AGAIN], [ENTERED, LEFT])
    for file in (folder / "changelog").rglob("part-*"):
        file.unlink()  # nobody looks there
    return path


@pytest.fixture(
    params=[pytest.param("kafka", marks=pytest.mark.stack), "folder", "store"], scope="module"
)
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose changelog says `WHOLE`."""
    folder = tmp_path_factory.mktemp("run")
    if request.param == "kafka":
        return in_kafka(request.getfixturevalue("kafka"), folder)
    made: dict[str, Callable[[Path], Path]] = {"folder": in_a_folder, "store": in_a_store}
    return made[request.param](folder)


def plain(record: Assignment | Transition) -> Any:
    """A record with every field, as JSON has it."""
    return msgspec.to_builtins(msgspec.structs.asdict(record))


def exported(config: Path) -> dict[str, dict[str, Any]]:
    """What `export --json` gives, by user."""
    result = run(app, ["export", str(config), "--json"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len({line["user"] for line in lines}) == len(lines)
    return {line["user"]: line for line in lines}


def test_export_gives_every_field_of_everyone(config: Path) -> None:
    assert exported(config) == {user: plain(found) for user, found in WHOLE.items()}


def test_export_into_a_file(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("old")
    result = run(app, ["export", str(config), "--json", "--to", str(path)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert {json.loads(line)["user"] for line in path.read_text().splitlines()} == set(WHOLE)
    assert list(tmp_path.iterdir()) == [path]


def test_export_to_read(config: Path) -> None:
    lines = run(app, ["export", str(config)]).stdout.splitlines()
    assert lines[0].split() == ["user", "cluster", "as", "of", "segments,", "since"]
    assert f"ann   few views (3), all (8)  {LATER}  Bots ({AT}), Engaged Buyers ({AT})" in lines
    assert f"cem{' ' * 27}{LATER}" in lines
    assert len(lines) == 4


def test_lookup_for_a_program(config: Path) -> None:
    found = json.loads(run(app, ["lookup", str(config), "ann", "--json"]).stdout)
    assert found == {**plain(ANN), "transitions": [plain(LEFT), plain(ENTERED)]}


def test_lookup_to_read(config: Path) -> None:
    shown = run(app, ["lookup", str(config), "ann"]).stdout
    for line in (
        "user         ann",
        f"judged as of {LATER}",
        "versions     record 2, rules 5, shoppers 4, all 2",
        "model     cluster        since                        share  distance  margin  outlier  "
        "why",
        f"shoppers  few views (3)  {AT}  62%    0.25      1.5              "
        "views = 7 (here 6, next 9)",
        "all       all (8)        not kept                     30%    9.5       -0.5    yes",
        f"Bots            {AT}  views = 7 (> 3)",
        "views    7",
        "device   unknown",
        f"{LATER}  leave  Late     views = 7 (<= 9)",
    ):
        assert line in shown.splitlines()
    assert "none" in run(app, ["lookup", str(config), "cem"]).stdout


def test_nothing_is_known_of_a_user(config: Path) -> None:
    for user in ("dan", "eve", "nobody"):
        failed = run(app, ["lookup", str(config), user])
        assert isinstance(failed.exception, FlockwiseError)
        assert failed.exception.exit_code == 1
        assert str(failed.exception) == f"nothing is known of the user '{user}'"


def test_members(config: Path) -> None:
    lines = run(app, ["members", str(config), "Bots", "--json"]).stdout.splitlines()
    found = {(line["user"], line["since"], line["version"]) for line in map(json.loads, lines)}
    assert found == {("ann", AT, 2), ("bob", AT, 1)}
    shown = run(app, ["members", str(config), "Engaged Buyers"])
    assert shown.stdout == f"user  since\nann   {AT}\n"
    assert shown.stderr == ""


def test_members_of_a_cluster(config: Path) -> None:
    for options, since in (
        (["--cluster", "3"], AT),
        (["--cluster", "8", "--model", "all"], "not kept"),  # by a flockwise of before
    ):
        shown = run(app, ["members", str(config), *options])
        assert (shown.stdout, shown.stderr) == (f"user  since\nann   {since}\n", "")
    nobody = run(app, ["members", str(config), "--cluster", "8", "--json"])
    assert (nobody.stdout, nobody.exit_code) == ("", 0)
    assert "nobody is in this cluster now: `flockwise clusters list" in nobody.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "expected either a segment, or a --cluster"),
        (["Bots", "--cluster", "3"], "expected either a segment, or a --cluster"),
        (["Bots", "--model", "all"], "expected either a segment, or a --cluster"),
        (["--cluster", "3", "--model", "al"], "no cluster model 'al', did you mean 'all'?"),
        (["--cluster", "3", "--model", "x"], "no cluster model 'x'; there are shoppers, all"),
    ],
)
def test_members_of_what_is_unclear(config: Path, options: list[str], said: str) -> None:
    failed = run(app, ["members", str(config), *options])
    assert isinstance(failed.exception, UsageError)
    assert said in str(failed.exception)


def test_why(config: Path) -> None:
    shown = run(app, ["lookup", str(config), "ann", "--why"]).stdout.splitlines()
    since = "since 2026-01-01 10:00:00 UTC, because views = 7 (> 3)"
    assert shown == [
        f"ann is in Bots {since}.",
        f"ann is in Engaged Buyers {since}.",
        "ann is in the cluster 'few views' (3) of shoppers, with a share of 62%, because "
        "views = 7 (here 6, next 9).",
        "ann is an outlier of the cluster 'all' (8) of all, with a share of 30%; the next is "
        "nearer by 0.5, too little to leave.",
        "views has the last 55m to 1h, in tiles of 5m.",
    ]


def test_so_many_members_at_most(config: Path) -> None:
    some = run(app, ["members", str(config), "Bots", "--json", "--limit", "1"])
    assert len(some.stdout.splitlines()) == 1
    assert "there are more" in some.stderr
    enough = run(app, ["members", str(config), "Bots", "--limit", "2"])
    assert enough.stderr == ""


def test_an_unknown_segment_gives_the_nearest(config: Path) -> None:
    failed = run(app, ["members", str(config), "Engaged Byers"])
    assert isinstance(failed.exception, UsageError)
    assert "did you mean 'Engaged Buyers'?" in str(failed.exception)
    assert failed.stdout == ""
    strange = run(app, ["members", str(config), "xyz"])
    assert str(strange.exception).endswith("there are Bots, Engaged Buyers")


def test_a_segment_that_only_the_changelog_knows(tmp_path: Path) -> None:
    path = in_a_folder(tmp_path)
    config = json.loads(path.read_bytes())
    del config["segments"]["Bots"]
    write_config(tmp_path, config)
    assert "ann" in run(app, ["members", str(path), "Bots"]).stdout


def test_a_segment_without_users(tmp_path: Path) -> None:
    path = in_a_folder(tmp_path)
    config = json.loads(path.read_bytes())
    config["segments"]["Nobody"] = {"when": "views > 9"}
    write_config(tmp_path, config)
    assert run(app, ["members", str(path), "Nobody", "--json"]).stdout == ""


def test_foreign_records_are_told(tmp_path: Path) -> None:
    path = in_a_folder(tmp_path)
    (tmp_path / "changelog" / "assignments" / "part-9-9").write_text("no JSON\n{}\n")
    result = run(app, ["export", str(path), "--json"])
    assert len(result.stdout.splitlines()) == len(WHOLE)
    assert "2 records" in result.stderr


def test_what_is_not_there_is_a_line(tmp_path: Path) -> None:
    path = in_a_folder(tmp_path)
    config = json.loads(path.read_bytes())
    write_config(tmp_path, {**config, "output": {"folder": "elsewhere"}})
    assert isinstance(run(app, ["export", str(path)]).exception, PreflightError)
    write_config(tmp_path, {**config, "store": {"kind": "sqlite", "path": "elsewhere.db"}})
    assert isinstance(run(app, ["export", str(path)]).exception, StoreError)


def test_exit_codes_and_streams_of_the_process(tmp_path: Path) -> None:
    path = in_a_folder(tmp_path)
    good = flockwise("lookup", path, "ann", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["user"] == "ann"
    unknown = flockwise("lookup", path, "nobody", "--json")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "✗ nothing is known of the user 'nobody'\n"
    wrong = flockwise("members", path, "Bot")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "✗ there is no segment 'Bot', did you mean 'Bots'?\n"


@pytest.mark.stack
def test_the_answers_of_cassandra(
    cassandra: CassandraAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = cassandra.login()
    monkeypatch.setenv("CASSANDRA_PASSWORD", role.password)
    store = {
        "kind": "cassandra",
        "hosts": [cassandra.host],
        "port": cassandra.port,
        "user": role.user,
        "password": "${CASSANDRA_PASSWORD}",
        "keyspace": cassandra.keyspace,
    }
    config = {**json.loads(in_a_folder(tmp_path).read_bytes()), "store": store}
    path = write_config(tmp_path, config)
    ann, bob = (new_name(user) for user in ("ann", "bob"))  # other tests share the tables
    said = [msgspec.structs.replace(ANN, user=ann), msgspec.structs.replace(BOB, user=bob)]
    moved = [msgspec.structs.replace(each, user=ann) for each in (ENTERED, LEFT)]
    with closing(cassandra_store(cassandra)) as opened:
        opened.apply(said, moved)
    found = json.loads(run(app, ["lookup", str(path), ann, "--json"]).stdout)
    assert found["segments"] == ANN.segments
    assert [each["kind"] for each in found["transitions"]] == ["leave", "enter"]
    assert bob in run(app, ["members", str(path), "Bots"]).stdout
    assert {ann, bob} <= set(exported(path))
