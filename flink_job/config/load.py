"""Reads a configuration file and checks the whole of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from flink_job.config import forgetting, secrets
from flink_job.config.decoding import decode
from flink_job.config.lists import with_lists
from flink_job.config.model import (
    Config,
    FileSource,
    KafkaOutput,
    KafkaSecurity,
    KafkaSource,
    RosterSpec,
    RunSpec,
    Source,
)
from flink_job.config.presets import with_preset
from operators.base.durations import parse_duration_us
from operators.base.errors import ConfigError, Problem, UsageError
from operators.base.frame import FeatureColumn
from operators.base.moments import parse_moment_us
from operators.base.sizes import parse_size_bytes
from operators.clustering import spec as clustering
from operators.events import spec as events
from operators.events.names import alternatives
from operators.features import checks as features
from operators.features.catalog import Catalog
from operators.membership.clusterings import with_clusters
from operators.outcomes import checks as outcomes
from operators.outcomes import spec as written
from operators.rules import rulebook

_MOST_LANES: Final = 128
_STAND_INS: Final[Mapping[str, object]] = {
    "source": {"files": {"paths": ["-"]}},
    "output": {"folder": "-"},
    "features": {},
}
_ABSOLUTE_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_OUTCOMES: Final = "outcomes"
_EARLIEST, _LATEST = "earliest", "latest"


def load(path: Path) -> Config:
    """The configuration in a YAML file.

    Raises:
        ConfigError: with every mistake in it.
        UsageError: there is no such file, or it is not YAML.
    """
    return check(with_lists(read(path), path), str(path))


def read(path: Path) -> object:
    """The plain data of a YAML file.

    Raises:
        UsageError: there is no such file, or it is not YAML, or a name stands in it twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: expected UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        raise UsageError(f"{path}:{where} {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from None


def check(data: object, source: str) -> Config:
    """The configuration that plain data says.

    Raises:
        ConfigError: with every mistake in it.
    """
    problems: list[Problem] = []
    data, found = written.with_names(with_preset(data), problems), list[Problem]()
    config = decode(data, Config, "", found)
    problems.extend(Problem(written.as_written(each.path), each.message) for each in found)
    if config is not None:
        problems.extend(_problems(config, known=True))
    elif isinstance(data, dict):
        problems.extend(_problems_beside(data, found))
    if problems or config is None:
        raise ConfigError(source, problems)
    return config


def _problems_beside(data: Mapping[Any, object], found: Sequence[Problem]) -> list[Problem]:
    """What else is wrong in a configuration of which some parts can't be decoded.

    The parts that can are checked among stand-ins for those that can't.
    """
    broken = {problem.path.split(".")[0] for problem in found}
    parts = {name: part for name, part in data.items() if name not in broken}
    if _OUTCOMES in broken:
        parts[_OUTCOMES] = written.sound(data.get(_OUTCOMES), found)
        broken.remove(_OUTCOMES)
    config = msgspec.convert({**_STAND_INS, **parts}, Config)
    more = _problems(config, known="features" not in broken)
    return [problem for problem in more if problem.path.split(".")[0] not in broken]


def _problems(config: Config, *, known: bool) -> Iterator[Problem]:
    """Every mistake; conditions and clusters can be checked only if the features are known."""
    yield from events.problems(config.events)
    found = list(features.problems(config.features))
    yield from found
    yield from _problems_of_flow(config)
    yield from _problems_of_run(config)
    if config.outcomes is not None:
        yield from outcomes.problems(config.outcomes)
    if config.store is not None:
        yield from config.store.problems()
    if known and not found:
        columns = _columns(config)
        for name, spec in config.clusters.items():
            yield from clustering.problems(name, spec, columns)
        yield from rulebook.problems(config.segments, with_clusters(columns, config.clusters))
        yield from forgetting.problems(config)


def _columns(config: Config) -> Mapping[str, FeatureColumn]:
    # The gap is checked elsewhere and says nothing about columns.
    return Catalog.compile(config.features, session_gap_us=1).columns


def _problems_of_flow(config: Config) -> Iterator[Problem]:
    kafka, files = config.source.kafka, config.source.files
    if (kafka is None) == (files is None):
        yield Problem("source", "expected either kafka or files")
    if (config.output.kafka is None) == (config.output.folder is None):
        yield Problem("output", "expected either kafka or folder")
    if not config.features:
        yield Problem("features", "expected at least one feature")
    if files is not None:
        yield from _problems_of_files(files)
    if config.roster is not None:
        yield from _problems_of_roster(config.roster, config.source)
    if kafka is not None:
        yield from _problems_of_start(kafka)
        yield from _problems_of_kafka("source.kafka", kafka.security, kafka.properties)
    if config.output.kafka is not None:
        out = config.output.kafka
        yield from _problems_of_topics(out)
        yield from _problems_of_kafka("output.kafka", out.security, out.properties)


def _problems_of_files(files: FileSource, path: str = "source.files") -> Iterator[Problem]:
    if not files.paths:
        yield Problem(f"{path}.paths", "expected at least one file")
    if files.separator is not None and (len(files.separator) != 1 or files.separator in "\r\n"):
        expected = "expected one character"
        yield Problem(f"{path}.separator", f"{expected}, found '{files.separator}'")
    if files.encoding is not None and not _is_encoding(files.encoding):
        expected = "expected an encoding such as utf-8, windows-1252 or utf-16"
        yield Problem(f"{path}.encoding", f"{expected}, found '{files.encoding}'")


def _problems_of_roster(roster: RosterSpec, source: Source) -> Iterator[Problem]:
    kafka = source.kafka
    if (roster.files is None) == (roster.topic is None):
        yield Problem("roster", "expected either files or topic")
    if roster.user is not None and "" in alternatives(roster.user):
        yield Problem("roster.user", "expected the name of a field of its records")
    if roster.files is not None:
        yield from _problems_of_files(roster.files, "roster.files")
        if kafka is not None:
            load = "`flockwise load FILE --roster` puts files into it"
            yield Problem("roster.files", f"beside events from Kafka expected a topic: {load}")
    if roster.topic is None:
        return
    if kafka is None:
        yield Problem("roster.topic", "beside events from files expected files")
    elif roster.topic == kafka.topic:
        yield Problem("roster.topic", f"expected another topic than that of events, {kafka.topic}")
    elif kafka.start != _EARLIEST:
        whole = "a roster is read from its beginning, which goes with earliest alone"
        yield Problem("source.kafka.start", f"{whole}, found {kafka.start}")


def _is_encoding(name: str) -> bool:
    try:
        return b"".decode(name) == ""
    except LookupError:  # unknown, or none of text
        return False


def _problems_of_start(kafka: KafkaSource) -> Iterator[Problem]:
    if kafka.start not in (_EARLIEST, _LATEST):
        try:
            moment_us(kafka.start)
        except UsageError as error:
            yield Problem("source.kafka.start", f"{error}, or earliest or latest")


def _problems_of_topics(kafka: KafkaOutput) -> Iterator[Problem]:
    named = (kafka.assignments, kafka.transitions, kafka.dead_letters)
    more = (kafka.models, kafka.outcomes, kafka.control, kafka.status)
    topics = [topic for topic in (*named, *more) if topic is not None]
    if len(set(topics)) < len(topics):
        yield Problem("output.kafka", f"expected different topics, found {', '.join(topics)}")


def _problems_of_kafka(
    path: str, security: KafkaSecurity, properties: Mapping[str, str]
) -> Iterator[Problem]:
    if security.protocol.startswith("SASL") and not (security.user and security.password):
        yield Problem(f"{path}.security", f"{security.protocol} needs user and password")
    for name, value in properties.items():
        where = f"{path}.properties.{name}"
        if secrets.is_secret(name) and secrets.is_literal(value):
            reference = "expected a reference such as ${KAFKA_PASSWORD}"
            yield Problem(where, f"{reference}: secrets stand in the environment, not in a file")


def _problems_of_run(config: Config) -> Iterator[Problem]:
    run = config.run
    for name in ("resolution", "batch", "checkpoint", "forget_after"):
        text = getattr(run, name)
        try:
            if text is not None:
                parse_duration_us(text)
        except UsageError as error:
            yield Problem(f"run.{name}", str(error))
    try:
        if run.memory is not None:
            parse_size_bytes(run.memory)
    except UsageError as error:
        yield Problem("run.memory", str(error))
    if not 1 <= run.lanes <= _MOST_LANES:
        yield Problem("run.lanes", f"expected 1 to {_MOST_LANES}, found {run.lanes}")
    if not 1 <= run.parallelism <= run.lanes:
        expected = f"expected 1 to {run.lanes} (run.lanes)"
        yield Problem("run.parallelism", f"{expected}, found {run.parallelism}")
    if run.checkpoints is not None and not _ABSOLUTE_URI.match(run.checkpoints):
        expected = "expected a URI such as file:///shared/checkpoints or s3://bucket/checkpoints"
        yield Problem("run.checkpoints", f"{expected}, found '{run.checkpoints}'")
    yield from _problems_of_clock(config, run)
    if run.models == "final" and not config.bounded:
        found = "only a bounded run has final cluster models: expected newest"
        yield Problem("run.models", found)


def _problems_of_clock(config: Config, run: RunSpec) -> Iterator[Problem]:
    if config.bounded and run.clock == "wall":
        yield Problem("run.clock", "a bounded run goes by the event clock: expected event")
    if run.as_of is not None:
        try:
            moment_us(run.as_of)
        except UsageError as error:
            yield Problem("run.as_of", str(error))
        if not config.bounded:
            yield Problem("run.as_of", "only a bounded run ends at a moment")
    elif config.source.kafka is not None and config.bounded:
        needed = "a bounded run from Kafka needs the moment to end with, such as"
        yield Problem("run.as_of", f"{needed} 2026-01-31T12:00:00Z")


def moment_us(text: str) -> int:
    """An ISO 8601 text, in UTC unless it says otherwise, in microseconds since 1970.

    Raises:
        UsageError: it is no such text.
    """
    return parse_moment_us(text, UTC)


class _Loader(yaml.SafeLoader):
    """YAML in which a name that stands twice is a mistake, and times stay texts.

    So does what only YAML 1.1 takes for a whole number: a user who is listed as 00042 is no 34.
    """

    def construct_scalar(self, node: Any) -> Any:
        text = super().construct_scalar(node)
        try:
            # JSON, which is YAML, may write one character as a pair of escapes.
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            problem = f"{text!a} has half of a character"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        self._refuse_twice(key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def _refuse_twice(self, keys: Iterable[Any]) -> None:
        seen: set[str] = set()
        for key in keys:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the name '{key.value}' stands here twice",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)


_INT: Final = "tag:yaml.org,2002:int"
_OTHERWISE: Final = (_INT, "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in _OTHERWISE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INT, re.compile(r"(?:0|-?[1-9][0-9]*)$"), list("-0123456789"))
