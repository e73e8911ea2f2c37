"""The documentation names all that there is and nothing that there is not; its examples hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import msgspec
import pytest
import typer
import yaml

from flink_job.cli import app
from flink_job.config.load import check, load, read
from flink_job.config.model import Config
from flink_job.kafka_client.topics import Topics
from flink_job.local_cluster.__main__ import app as local_cluster
from operators.clustering.record import Axis, ClusterRecord, ModelRecord
from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    UserOutcome,
    outcome_decoder,
)
from operators.contracts.records import Assignment, Belonging, DeadLetter, Transition
from operators.events.reasons import Reason
from operators.features.asked import Expected
from operators.features.kinds.registry import FEATURE_KINDS
from operators.flink.metrics import (
    AssignMetrics,
    InputMetrics,
    LearnMetrics,
    MeasureMetrics,
    MemoryMetrics,
    ProfileMetrics,
    SteerMetrics,
    UpsertMetrics,
)

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
CONFIGURATION: Final = ROOT / "flink_job" / "config" / "README.md"
CLUSTER: Final = ROOT / "deploy" / "flink" / "README.md"
STEERING: Final = ROOT / "flink_job" / "control" / "README.md"
ARCHITECTURE: Final = ROOT / "operators" / "README.md"
CONTRIBUTING: Final = ROOT / "CONTRIBUTING.md"
PAGES: Final = (
    *(README, CONFIGURATION, CLUSTER, STEERING, ARCHITECTURE, CONTRIBUTING),
    *(
        ROOT / "flink_job" / room / "README.md"
        for room in ("runtime", "leases", "audit", "lifetime_value", "tables")
    ),
    ROOT / "CHANGELOG.md",
)
PICTURE: Final = ROOT / "operators" / "jobs.svg"
EXAMPLES: Final = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))

COMMAND: Final = re.compile(r"flockwise ((?:stack|segments|clusters) [a-z]+|[a-z]+)([^`\n]*)")
GROUPS: Final = {"stack", "segments", "clusters"}
METRICS: Final = "flink_taskmanager_job_task_operator_"


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def fences(page: Path, kind: str) -> list[str]:
    """The blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def spans(page: Path) -> list[str]:
    """What stands between backticks in the text, with line ends as blanks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def code(page: Path) -> str:
    """All code of a page, by lines: its blocks, indented lines, and what is between backticks."""
    indented = re.findall(r"^    .+$", page.read_text(), re.MULTILINE)
    return "\n".join([*fences(page, r"\w+"), *indented, *spans(page)])


def commands(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command of a command line, by its words, with its options."""
    own = of if path else typer.main.get_command(of)
    parts = getattr(own, "commands", {})
    if not parts:
        options = {
            option
            for parameter in own.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        yield " ".join(path), {option for option in options if option.startswith("--")}
    for name, command in parts.items():
        yield from commands(command, (*path, name))


OPTIONS: Final = dict(commands(app))
ALL_OPTIONS: Final = set().union(*OPTIONS.values(), *(more for _, more in commands(local_cluster)))


def targets() -> set[str]:
    """What `make` can make for a person."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_is_documented(command: str) -> None:
    assert any(re.search(rf"\bflockwise {command}\b", code(page)) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_and_options_that_are_documented_are_there(page: Path) -> None:
    found = code(page)
    for command, rest in COMMAND.findall(found):
        assert command in OPTIONS or command in GROUPS, f"there is no `flockwise {command}`"
        assert set(re.findall(r" (--[a-z-]+)", rest)) <= OPTIONS.get(command, set())
    alone = {span.split()[0] for span in spans(page) if span.startswith("--")}
    assert alone <= ALL_OPTIONS
    assert set(re.findall(r"^make ([\w-]+)", found, re.MULTILINE)) <= targets()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    for link in links:
        assert "://" in link or (page.parent / link).exists(), link
    folders = (ROOT, ROOT / "operators", page.parent)
    for span in spans(page):
        if re.fullmatch(r"[\w/-]+\.(py|cql)|(deploy|flink_job|operators|tests)/[\w./-]+", span):
            assert any((folder / span).exists() for folder in folders), span


def test_every_gate_is_documented() -> None:
    gates = targets() - {"help", "install", "demo", "clean"}
    assert len(gates) >= 7
    assert gates <= set(re.findall(r"^\| `([a-z-]+)` \|", CONTRIBUTING.read_text(), re.MULTILINE))


def test_every_page_and_every_room_is_found_from_the_readme() -> None:
    """By a link, and by its line among where things are."""
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert {page for page in PAGES if page != README} <= {ROOT / link for link in links}
    _, _, where = README.read_text().partition("## Where things are")
    named = set(re.findall(r"^ +([a-z_]+)/ ", where, re.MULTILINE))
    parts = [ROOT / "flink_job", ROOT / "operators"]
    rooms = {file.parent.name for part in parts for file in part.glob("*/__init__.py")}
    assert {"runtime", "rules"} < rooms <= named


def test_the_picture_shows_every_operator_and_topic_and_no_others() -> None:
    drawn = ElementTree.parse(PICTURE).getroot()
    text = "{http://www.w3.org/2000/svg}text"

    def shown(kind: str) -> set[str | None]:
        return {each.text for each in drawn.iter(text) if each.get("class") == kind}

    job = (ROOT / "flink_job" / "job.py").read_text()
    uids = set(re.findall(r'\.uid\("(\w+)"\)', job))
    assert {str(name).lower() for name in shown("operator")} == uids != set()
    assert shown("topic") == {"events", *Topics(outcomes="outcomes").own()}


def test_pages_show_the_picture() -> None:
    for page in (README, ARCHITECTURE):
        shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text())
        assert [(page.parent / link).resolve() for link in shown] == [PICTURE]


def structs(of: msgspec.inspect.Type) -> Iterator[msgspec.inspect.StructType]:
    """Every struct that a configuration is made of."""
    match of:
        case msgspec.inspect.StructType(fields=fields):
            yield of
            for field in fields:
                yield from structs(field.type)
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                yield from structs(each)
        case msgspec.inspect.DictType(value_type=value):
            yield from structs(value)


NOT_WRITTEN: Final = "named"  # of outcomes, which stand beside the other parts
PARTS: Final = {part.cls.__name__: part for part in structs(msgspec.inspect.type_info(Config))}


def test_all_parts_of_a_configuration_are_found() -> None:
    assert {"Config", "KafkaSecurity", "FeatureSpec", "ClusterSpec", "CassandraSpec"} <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_every_key_of_a_configuration_is_documented(part: str) -> None:
    documented = set(re.findall(r"\w+", code(CONFIGURATION))) | {NOT_WRITTEN}
    assert {field.encode_name for field in PARTS[part].fields} <= documented


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_a_dead_letter_is_documented(reason: Reason) -> None:
    assert reason.value in re.findall(r"\w+", code(CONFIGURATION))


@pytest.mark.parametrize(
    "record",
    [
        *(Assignment, Belonging, Transition, DeadLetter, ModelRecord, ClusterRecord, Axis),
        *(DayOutcomes, CohortOutcomes, GroupDay, Cohort, UserOutcome),
    ],
)
def test_every_field_of_a_record_is_documented(record: type[msgspec.Struct]) -> None:
    _, _, records = CONFIGURATION.read_text().partition("## Records")
    assert set(record.__struct_fields__) <= set(re.findall(r"`(\w+)`", records))


class Names:
    """A metric group that keeps names alone."""

    def __init__(self, names: set[str], prefix: str = "") -> None:
        self._names = names
        self._prefix = prefix

    def counter(self, name: str) -> Names:
        self._names.add(self._prefix + name)
        return self

    distribution = counter

    def add_group(self, key: str, value: str) -> Names:
        return Names(self._names, f"{key}_")

    def inc(self, count: int = 1) -> None:
        """Of a counter."""

    update = inc


def test_the_metrics_that_are_documented_are_those_that_there_are() -> None:
    names: set[str] = set()
    ProfileMetrics(Names(names)).dead_letter(Reason.LATE)
    InputMetrics(
        Names(names), [Expected("features.a", type="x"), Expected("features.b", field="y")]
    )
    AssignMetrics(Names(names)).model("shoppers", 1)
    MemoryMetrics(Names(names))
    LearnMetrics(Names(names)).learned("shoppers", profiles=1, cpu_ns=1_000)
    MeasureMetrics(Names(names))
    SteerMetrics(Names(names))
    UpsertMetrics(Names(names))
    rows = re.findall(r"^\|[^|`]*\|([^|]*`[^|]*)\|", CLUSTER.read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == names


# What a configuration needs besides what an example shows; features are those of the shop.
LEAST: Final = {
    "source": {"files": {"paths": ["events.csv"]}},
    "output": {"folder": "changelog"},
    "features": yaml.safe_load((ROOT / "deploy" / "examples" / "shop.yaml").read_text())[
        "features"
    ],
}


def parsed(text: str, folder: Path) -> Any:
    """YAML as a configuration is read: times stay texts."""
    path = folder / "example.yaml"
    path.write_text(text)
    return read(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_right(path: Path) -> None:
    assert load(path).features


# The whole configuration shows both of two, and is looked at below.
PARTIAL: Final = [
    pytest.param(text, id=f"{page_name(page)}-{number}")
    for page in PAGES
    for number, text in enumerate(fences(page, "yaml"))
    if "source:" not in text
]


@pytest.mark.parametrize("text", PARTIAL)
def test_parts_of_configurations_are_right(text: str, tmp_path: Path) -> None:
    assert check(LEAST | parsed(text, tmp_path), "the example").features


@pytest.mark.parametrize(
    ("source", "output", "clock"), [("kafka", "kafka", "wall"), ("files", "folder", "event")]
)
def test_the_whole_configuration_is_right_with_one_of_each_two(
    source: str, output: str, clock: str, tmp_path: Path
) -> None:
    whole = parsed(fences(CONFIGURATION, "yaml")[0], tmp_path)
    assert whole.keys() == {field.encode_name for field in PARTS["Config"].fields}
    whole["source"] = {source: whole["source"][source]}
    whole["output"] = {output: whole["output"][output]}
    kept = ("user", "topic" if source == "kafka" else "files")
    whole["roster"] = {name: whole["roster"][name] for name in kept}
    whole["features"] = table_of_features()
    whole["run"]["clock"] = clock
    if clock == "wall":
        del whole["run"]["as_of"]
    assert check(whole, "the whole example").wall == (clock == "wall")


def table_of_features() -> dict[str, Any]:
    """The example of each kind in the table of features."""
    rows = re.findall(r"^\| `(\w+)` \| `(\{.*?\})` \|", CONFIGURATION.read_text(), re.MULTILINE)
    found = {f"a_{kind}": yaml.safe_load(example) for kind, example in rows}
    assert all(name == f"a_{next(iter(example))}" for name, example in found.items())
    assert len(found) == len(FEATURE_KINDS)
    return found


def test_the_outcomes_that_are_shown_are_some() -> None:
    (shown,) = (x for x in fences(CONFIGURATION, "json") if '"cohort"' in x)
    records = re.split(r"\n(?=\{)", shown.replace(", ...}", "}").strip())
    day, cohort = (outcome_decoder.decode(record) for record in records)
    assert isinstance(day, DayOutcomes)
    assert day.members.sessions > 0
    assert isinstance(cohort, CohortOutcomes)
    assert cohort.members.users == cohort.members.retained[0]


def test_the_assignment_that_the_readme_shows_is_one() -> None:
    (shown,) = fences(README, "json")
    assignment = json.loads(shown.replace(", ...}", "}"))
    assert assignment.keys() <= set(Assignment.__struct_fields__)
    (example,) = fences(README, "yaml")
    assert set(assignment["segments"]) <= yaml.safe_load(example)["segments"].keys()
