"""`flockwise deadletters` counts, shows and replays what could not be used, each letter once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.cli.run import plan_of
from flink_job.config.model import FileSource
from flink_job.deadletters.opening import Order, letters_of, replay
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from flink_job.staging.reading import read
from operators.base.errors import FlockwiseError, PreflightError, UsageError
from operators.contracts.letters import dead_letter
from operators.contracts.records import encode
from operators.events.decode import Decoded, EventDecoder
from operators.events.markers import BAD_ROW, NULL
from operators.events.spec import EventsSpec
from tests.stack.asking import (
    Record,
    flockwise,
    kafka_config,
    new_name,
    pairs,
    write,
    write_config,
)

run = CliRunner().invoke

LATEST_US = 1_800_000_000_000_000
GOOD = b'{"user_id": "ann", "event_time": "2026-01-01", "event_type": "view"}'

# Records that the job refuses, as they lay in the topic.
NO_TEXT: Record = (b"ann", b"no JSON \x1b[2J\xff")
NO_TIME: Record = (b"ann", b'{"user_id": "ann", "event_time": "soon", "event_type": "view"}')
OTHER_KEY: Record = (b"bob", GOOD)
NO_KEY: Record = (None, GOOD)
NO_VALUE: Record = (b"ann", None)
NOTHING: Record = (None, None)
ROW: Record = (None, BAD_ROW + b"a,b")
LONG: Record = (b"ann", b'{"user_id": "ann", "x": "' + b"x" * 2_000 + b'"}')
RECORDS = (NO_TEXT, NO_TIME, OTHER_KEY, NO_KEY, NO_VALUE, NOTHING, ROW, LONG)


def letters(records: Sequence[Record], most_bytes: int = 1_000, **spec: Any) -> list[bytes]:
    """What the job makes of records, none of which it can use."""
    decoder = EventDecoder(EventsSpec(**spec), ["view"], (), ())
    keys = [NULL if key is None else key for key, _ in records]
    values = [NULL if value is None else value for _, value in records]
    decoded: Decoded = decoder.decode(keys, values, LATEST_US)
    assert len(decoded.rejected) == len(records)
    rejected = sorted(decoded.rejected, key=lambda each: each.source)
    return [
        encode(dead_letter(each, keys[each.source], values[each.source], LATEST_US, most_bytes))
        for each in rejected
    ]


def put(kafka: str, config: dict[str, Any], records: Sequence[Record], **more: Any) -> None:
    """Put the letters of records into the topic of a configuration."""
    topic = config["output"]["kafka"]["dead_letters"]
    write(kafka, topic, [(b"", letter) for letter in letters(records, **more)])


def replayed(path: Path, *options: str) -> dict[str, Any]:
    """What a replay reports."""
    result = run(app, ["deadletters", str(path), "replay", "--json", *options])
    assert result.exit_code == 0, result.exception
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def listed(path: Path) -> dict[str, tuple[int, int]]:
    """Letters and replayed letters by reason."""
    result = run(app, ["deadletters", str(path), "--json"])
    assert result.exit_code == 0, result.exception
    lines = json.loads(result.stdout)
    return {line["reason"]: (line["letters"], line["replayed"]) for line in lines}


@pytest.fixture
def config(kafka: str) -> dict[str, Any]:
    """A configuration between topics of its own, which are there."""
    made = kafka_config(kafka)
    kafka_client.make_topic(Broker(kafka), made["source"]["kafka"]["topic"], 2)
    kafka_client.make_topic(Broker(kafka), made["output"]["kafka"]["dead_letters"], 2)
    return made


@pytest.fixture
def path(config: dict[str, Any], tmp_path: Path) -> Path:
    """Where that configuration lies."""
    return write_config(tmp_path, config)


def events(kafka: str, config: dict[str, Any]) -> list[Record]:
    """What lies in the topic of events."""
    return sorted(pairs(kafka, config["source"]["kafka"]["topic"]), key=str)


@pytest.mark.stack
def test_counts_by_reason(kafka: str, config: dict[str, Any], path: Path) -> None:
    put(kafka, config, [*RECORDS, NO_TIME])
    assert listed(path) == {
        "bad_time": (2, 0),
        "invalid_utf8": (1, 0),
        "key_mismatch": (1, 0),
        "null_key": (1, 0),
        "null_value": (2, 0),
        "bad_row": (1, 0),
        "missing_time": (1, 0),
    }
    lines = run(app, ["deadletters", str(path)]).stdout.splitlines()
    assert lines[0].split() == ["reason", "letters", "replayed", "for", "example"]
    assert "bad_time      2        0         expected an ISO 8601 text, found 'soon'" in lines


@pytest.mark.stack
def test_letters_of_a_crashed_job_are_none(kafka: str, config: dict[str, Any], path: Path) -> None:
    topic = config["output"]["kafka"]["dead_letters"]
    write(kafka, topic, [(b"", letter) for letter in letters([NO_TIME])], commit=False)
    assert listed(path) == {}
    assert "there are no dead letters" in run(app, ["deadletters", str(path)]).stderr
    assert replayed(path)["sent"] == 0


@pytest.mark.stack
def test_a_replay_brings_back_what_lay_there_and_only_once(
    kafka: str, config: dict[str, Any], path: Path
) -> None:
    put(kafka, config, RECORDS)
    assert replayed(path, "--dry-run")["sent"] == 3
    assert events(kafka, config) == []
    report = replayed(path)
    assert report == {
        "to": config["source"]["kafka"]["topic"],
        "dry_run": False,
        "sent": 3,
        "held": {"null_key": 1, "key_mismatch": 1},
        "refused": {
            "neither a key nor a value": 1,
            "a row of CSV without its header: mend the file and load it again": 1,
            "only its beginning was kept": 1,
        },
    }
    came = sorted([NO_TEXT, NO_TIME, NO_VALUE], key=str)
    assert events(kafka, config) == came
    assert replayed(path) == {**report, "sent": 0, "refused": {}}
    assert events(kafka, config) == came
    assert listed(path)["bad_time"] == (1, 1)
    put(kafka, config, [NO_TIME])
    assert replayed(path)["sent"] == 1
    assert events(kafka, config) == sorted([*came, NO_TIME], key=str)


@pytest.mark.stack
def test_one_reason_at_a_time_and_then_all(kafka: str, config: dict[str, Any], path: Path) -> None:
    records = [NO_TIME, NO_TEXT] * 40
    put(kafka, config, records)
    assert replayed(path, "--reason", "invalid_utf8")["sent"] == 40
    assert listed(path) == {"bad_time": (40, 0), "invalid_utf8": (40, 40)}
    put(kafka, config, [NO_TEXT])
    assert replayed(path)["sent"] == 41
    assert replayed(path, "--reason", "bad_time")["sent"] == 0
    assert events(kafka, config) == sorted([*records, NO_TEXT], key=str)


@pytest.mark.stack
def test_with_new_keys(kafka: str, config: dict[str, Any], path: Path) -> None:
    put(kafka, config, [OTHER_KEY, NO_KEY, NO_TEXT])
    assert replayed(path)["sent"] == 1
    assert replayed(path, "--rekey") | {"to": ""} == {
        "to": "", "dry_run": False, "sent": 2, "held": {}, "refused": {},
    }  # fmt: skip
    assert events(kafka, config) == sorted([(b"ann", GOOD), (b"ann", GOOD), NO_TEXT], key=str)


@pytest.mark.stack
def test_a_letter_that_the_topic_does_not_take_is_told(
    kafka: str, config: dict[str, Any], path: Path
) -> None:
    topic = config["source"]["kafka"]["topic"] = new_name("small")
    kafka_client.make_topic(Broker(kafka), topic, 1, {"max.message.bytes": "1000"})
    write_config(path.parent, config)
    put(kafka, config, [LONG, NO_TIME], most_bytes=5_000)
    report = replayed(path)
    assert report["sent"] == 1
    assert "max.message.bytes" in next(iter(report["refused"]))
    assert events(kafka, config) == [NO_TIME]


@pytest.mark.stack
def test_a_crash_in_the_middle_repeats_nothing(
    kafka: str, config: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flink_job.deadletters.replaying._MOST_LETTERS", 10)
    put(kafka, config, [NO_TIME] * 35)
    plan = plan_of(path)

    def until_broken() -> Any:
        for number, letter in enumerate(letters_of(plan)):
            if number == 25:
                raise FlockwiseError("broke")
            yield letter

    with pytest.raises(FlockwiseError, match="broke"):
        replay(plan, Order(), until_broken())
    assert len(events(kafka, config)) == 20
    assert replayed(path)["sent"] == 15
    assert len(events(kafka, config)) == 35


@pytest.mark.stack
def test_a_later_replay_shuts_out_an_earlier_one(
    kafka: str, config: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flink_job.deadletters.replaying._MOST_LETTERS", 10)
    put(kafka, config, [NO_TIME] * 30)
    elsewhere = path.parent / "elsewhere"  # with a run folder, and so a lock, of its own
    elsewhere.mkdir()
    other = write_config(elsewhere, config)
    plan = plan_of(path)

    def overtaken() -> Any:
        for number, letter in enumerate(letters_of(plan)):
            if number == 15:
                assert replayed(other)["sent"] == 20
            yield letter

    with pytest.raises(FlockwiseError, match="another"):
        replay(plan, Order(), overtaken())
    assert len(events(kafka, config)) == 30


@pytest.mark.stack
def test_two_replays_at_once_on_one_machine_are_refused(
    kafka: str, config: dict[str, Any], path: Path
) -> None:
    put(kafka, config, [NO_TIME])
    plan = plan_of(path)

    def meanwhile() -> Any:
        with pytest.raises(UsageError, match="another run"):
            replay(plan_of(path), Order(), letters_of(plan))
        yield from letters_of(plan)

    assert replay(plan, Order(), meanwhile()).sent == 1


@pytest.mark.stack
def test_letters_in_kafka_of_events_in_files_go_into_a_file(
    kafka: str, config: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    put(kafka, config, [NO_TIME, NO_KEY, NO_VALUE])
    write_config(path.parent, {**config, "source": {"files": {"paths": ["events.csv"]}}})
    failed = run(app, ["deadletters", str(path), "replay"])
    assert isinstance(failed.exception, UsageError)
    assert "--to" in str(failed.exception)
    to = tmp_path / "again.jsonl"
    report = replayed(path, "--to", str(to))
    assert (report["sent"], report["refused"]) == (2, {"no value": 1})
    assert sorted(read(to, FileSource(paths=[]))) == sorted([NO_TIME[1] or b"", GOOD])
    assert replayed(path, "--to", str(tmp_path / "more.jsonl"))["sent"] == 0


@pytest.mark.stack
def test_letters_in_a_folder_of_events_in_kafka_go_into_the_topic(
    kafka: str, config: dict[str, Any], path: Path
) -> None:
    write_config(path.parent, {**config, "output": {"folder": "out"}})
    in_folder(path.parent / "out", [NO_TIME, NO_TEXT])
    assert replayed(path)["sent"] == 2
    assert replayed(path)["sent"] == 0
    assert events(kafka, config) == sorted([NO_TIME, NO_TEXT], key=str)


def in_folder(folder: Path, records: Sequence[Record], name: str = "part-0") -> None:
    """Put the letters of records into a committed file of an output folder."""
    file = folder / "dead-letters" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(letter + b"\n" for letter in letters(records)))


@pytest.fixture
def folder_path(tmp_path: Path) -> Path:
    """A configuration from files into a folder, with letters in it."""
    config = {
        **kafka_config("unused"),
        "source": {"files": {"paths": ["events.csv"]}},
        "output": {"folder": "out"},
    }
    in_folder(tmp_path / "out", RECORDS)
    return write_config(tmp_path, config)


def test_from_a_folder_into_a_file_and_only_once(folder_path: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{number}.jsonl" for number in range(3))
    assert replayed(folder_path, "--to", str(first), "--reason", "bad_time")["sent"] == 1
    assert list(read(first, FileSource(paths=[]))) == [NO_TIME[1]]
    assert replayed(folder_path, "--to", str(second))["sent"] == 3  # keys are of no matter here
    assert list(read(second, FileSource(paths=[]))) == [NO_TEXT[1], GOOD, GOOD]
    in_folder(tmp_path / "out", [NO_TIME], "part-1")
    assert listed(folder_path)["bad_time"] == (2, 1)
    assert replayed(folder_path, "--to", str(third))["sent"] == 1


def test_a_file_that_is_there_is_not_replaced(folder_path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    failed = run(app, ["deadletters", str(folder_path), "replay", "--to", str(tmp_path / "mine")])
    assert isinstance(failed.exception, UsageError)
    assert (tmp_path / "mine").read_text() == "precious"
    assert listed(folder_path)["bad_time"] == (1, 0)


def test_show_escapes_and_shortens(folder_path: Path) -> None:
    shown = run(app, ["deadletters", str(folder_path), "show"]).stdout
    assert "\x1b" not in shown
    assert "key_mismatch: the key is not the user in the value" in shown
    assert "base64 " in shown  # not all of it is UTF-8
    assert "1,000 characters" in shown
    assert "2,027 bytes, only the beginning kept" in shown
    assert "key    null" in shown


def test_show_for_a_program_gives_all_of_the_last_ones(folder_path: Path) -> None:
    shown = run(app, ["deadletters", str(folder_path), "show", "--json", "--limit", "2"])
    row, long = map(json.loads, shown.stdout.splitlines())
    assert (row["reason"], row["raw"], row["key"]) == ("bad_row", "a,b", None)
    assert len(long["raw"]) == 1_000
    assert shown.stderr == "2 of 8 dead letters shown\n"
    one = run(app, ["deadletters", str(folder_path), "show", "--json", "--reason", "null_value"])
    assert [json.loads(line)["key"] for line in one.stdout.splitlines()] == ["ann", None]
    assert one.stderr == ""


def test_control_characters_of_a_text_do_not_reach_the_terminal(tmp_path: Path) -> None:
    evil = b'{"user_id": "\x1b[2J\r\n\xe2\x80\xae"}'
    config = {**kafka_config("unused"), "output": {"folder": "out"}}
    in_folder(tmp_path / "out", [(b"\x1b]0;x\x07", evil)])
    shown = run(app, ["deadletters", str(write_config(tmp_path, config)), "show"]).stdout
    assert shown.isprintable() or set(shown) - set("\n") <= set(filter(str.isprintable, shown))
    assert r"\x1b[2J\r\n\u202e" in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["list", "--limit", "1"], "--limit belongs to show"),
        (["show", "--rekey"], "--rekey belongs to replay"),
        (["--dry-run"], "--dry-run belongs to replay"),
        (["show", "--reason", "bad_tme"], "did you mean 'bad_time'?"),
    ],
)
def test_what_was_typed_wrong_is_a_line(
    options: list[str], expected: str, folder_path: Path
) -> None:
    failed = run(app, ["deadletters", str(folder_path), *options])
    assert isinstance(failed.exception, UsageError)
    assert expected in str(failed.exception)


def test_no_output_yet_is_a_line(tmp_path: Path) -> None:
    config = {**kafka_config("unused"), "output": {"folder": "out"}}
    failed = run(app, ["deadletters", str(write_config(tmp_path, config))])
    assert isinstance(failed.exception, PreflightError)


def test_foreign_records_are_told(folder_path: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "dead-letters" / "part-9").write_text("no JSON\n[]\n")
    result = run(app, ["deadletters", str(folder_path), "--json"])
    assert "2 records" in result.stderr
    assert sum(line["letters"] for line in json.loads(result.stdout)) == len(RECORDS)


def test_exit_codes_and_streams_of_the_process(folder_path: Path, tmp_path: Path) -> None:
    good = flockwise("deadletters", folder_path, "replay", "--to", tmp_path / "a", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["sent"] == 4
    wrong = flockwise("deadletters", folder_path, "replay")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
