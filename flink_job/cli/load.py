"""`flockwise load`: files of events into a Kafka topic."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from flink_job.cli.progress import Ticker
from flink_job.cli.run import console, plan_of
from flink_job.cli.shown import warn
from flink_job.config.model import FileSource
from flink_job.inspection.findings import Looked, disorder, findings
from flink_job.inspection.wanted import Wanted
from flink_job.jobs.looking import refuse, survey_heads
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.loading.files import EventFiles, Loaded, Loader, Waiting
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.loading.outbox import Outbox
from flink_job.loading.pacing import Pace, as_it_happened, at_once, evenly
from flink_job.plan import Plan
from flink_job.runtime.stopping import stopping
from flink_job.staging.formats import FileFormat
from flink_job.staging.sought import Sought
from operators.base.errors import FlockwiseError, UsageError
from operators.base.moments import now_us
from operators.events.spec import EventsSpec

# How long events may wait for others to share a batch: short where their own times are kept.
_LINGER_MS: Final = {False: 100, True: 5}
_INTERRUPTED: Final = 130
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")

TimeUnit = Literal["iso", "s", "ms", "us"]


def load(  # noqa: PLR0913 - the options of a command are its parameters
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="CSV, JSON, Parquet, .gz, .zip, folders: in this order."
        ),
    ],
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", help="Take Kafka, topic and names of fields from this configuration."
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", help="Where to; made if it is not there.")
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Where Kafka is.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="FIELD", help="Who did it: the key.")
    ] = None,
    time_field: Annotated[
        str | None, typer.Option("--time", metavar="FIELD", help="When it was, for --speed.")
    ] = None,
    time_unit: Annotated[
        TimeUnit | None,
        typer.Option("--time-unit", help="ISO 8601 texts, or numbers since 1970 in a unit."),
    ] = None,
    roster: Annotated[
        bool, typer.Option("--roster", help="Into the topic of the configuration's roster.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="A,B,C", help="Of CSV files that have no header."),
    ] = None,
    format_: Annotated[
        FileFormat | None, typer.Option("--format", help="Where the files' names don't say.")
    ] = None,
    partitions: Annotated[
        int, typer.Option(min=1, help="Of the topic, if it is made.", show_default=True)
    ] = 4,
    rate: Annotated[
        float | None, typer.Option(min=0.001, metavar="N", help="Events a second.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.000_001, metavar="X", help="X times as fast as it happened."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Load files of events into a Kafka topic, keyed by user, in their order.

    A record whose user can't be read is sent without a key: nothing is lost,
    the job makes a dead letter of it.
    """
    plan = None if config is None else plan_of(config)
    if roster:
        topic, user = _of_roster(plan, topic, user)
    broker, topic = _destination(plan, bootstrap, topic)
    events, named = _events(plan, user, time_field, time_unit), plan is not None and not roster
    wanted = replace(Wanted.of(plan.config), events=events) if plan and named else Wanted(events)
    source = _source(plan, columns, format_, files)
    event_files = EventFiles(files, source, Sought.of(wanted))
    doubts = _doubts(wanted, source, timed=speed is not None, named=named)
    _tell(doubts)
    pace = _pace(rate, speed, events)
    kafka.make_topic(broker, topic, partitions)
    ended = _load(_Target(broker, topic), event_files, KeysAndTimes(events), pace)
    _tell_end(ended)
    _tell(doubts)
    if as_json:
        typer.echo(msgspec.json.encode(_report(ended)))
    if ended.stopped:
        raise typer.Exit(_INTERRUPTED)
    if ended.loaded.too_large:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Target:
    broker: Broker
    topic: str


@dataclass(frozen=True)
class _Ended:
    topic: str
    largest: int  # bytes that a record may have
    loaded: Loaded
    seconds: float
    stopped: bool

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.loaded.sent / max(self.seconds, 1e-9)


def _load(target: _Target, files: EventFiles, reader: KeysAndTimes, pace: Pace) -> _Ended:
    largest = kafka.largest_message(target.broker, target.topic)
    options = {"linger_ms": _LINGER_MS[pace is not at_once], "max_request_size": largest}
    started_s = time.monotonic()
    with stopping() as stop, kafka.producer(target.broker, **options) as writer:
        outbox = Outbox(writer, target.topic)
        with _progress(console, files) as progress:
            loader = Loader(reader, outbox, Waiting(pace, time.monotonic, stop), progress)
            try:
                loader.load(files.records())
            except FlockwiseError:
                console.print(f"[yellow]![/] {outbox.sent:,} events were sent before this:")
                raise
    seconds = time.monotonic() - started_s
    return _Ended(target.topic, largest, loader.loaded, seconds, stop.is_set())


def _of_roster(
    plan: Plan | None, topic: str | None, user: str | None
) -> tuple[str | None, str | None]:
    """The topic and the user of the configuration's roster, if they are not typed.

    Raises:
        UsageError: there is no configuration, or it has no roster from a topic.
    """
    config = None if plan is None else plan.config
    if config is None or config.roster is None or config.roster.topic is None:
        raise UsageError("--roster: expected a --config that has roster.topic")
    return topic or config.roster.topic, user or config.roster_user


def _destination(plan: Plan | None, bootstrap: str | None, topic: str | None) -> tuple[Broker, str]:
    """Where to: what was typed, else what the configuration says.

    Raises:
        UsageError: neither says it.
    """
    source = None if plan is None else plan.config.source.kafka
    broker = None if plan is None else plan.kafka.input_broker()
    if bootstrap is not None:
        broker = replace(broker or Broker(bootstrap), bootstrap=bootstrap)
    if broker is None:
        raise UsageError("expected --bootstrap HOST:PORT, or a --config that has source.kafka")
    if topic is None:
        if source is None:
            raise UsageError("expected --topic, or a --config that has source.kafka")
        topic = source.topic
    if not _TOPIC.fullmatch(topic):
        wanted = "1 to 249 letters, digits, points, underscores and hyphens"
        raise UsageError(f"--topic: expected {wanted}, found '{topic}'")
    return broker, topic


def _events(
    plan: Plan | None, user: str | None, time_field: str | None, time_unit: TimeUnit | None
) -> EventsSpec:
    events = EventsSpec() if plan is None else plan.config.events
    typed = {"user": user, "time": time_field, "time_unit": time_unit}
    return msgspec.structs.replace(events, **{n: v for n, v in typed.items() if v is not None})


def _source(
    plan: Plan | None, columns: str | None, format_: FileFormat | None, paths: Sequence[Path]
) -> FileSource:
    files = None if plan is None else plan.config.source.files
    files = files or FileSource(paths=[])
    names = files.columns if columns is None else [name.strip() for name in columns.split(",")]
    said = {"format": format_ or files.format, "columns": names, "paths": list(map(str, paths))}
    return msgspec.structs.replace(files, **said)


def _doubts(wanted: Wanted, source: FileSource, *, timed: bool, named: bool) -> Sequence[str]:
    """What of the files' heads can hardly be meant.

    Without a configuration it is known of the user alone, and of the time if it is used, that they
    must be there.

    Raises:
        UsageError: they can't be what is meant, or one can't be read.
    """
    now = now_us()
    heard: list[str] = []
    survey, whole = survey_heads(source, wanted, now + wanted.events.max_skew_us, heard)
    found = findings(survey, Looked(now, whole))
    if not named:
        needed = ("events.user", "events.time") if timed else ("events.user",)
        found = [each for each in found if each.fatal and each.text.startswith(needed)]
    refuse(found)
    out_of_order = disorder(survey)
    more = [out_of_order.text] if named and out_of_order is not None else []
    return [*(each.text for each in found), *dict.fromkeys(heard), *more]


def _tell(doubts: Sequence[str]) -> None:
    for doubt in doubts:
        warn(console, doubt)


def _pace(rate: float | None, speed: float | None, events: EventsSpec) -> Pace:
    if rate is not None and speed is not None:
        raise UsageError("expected --rate or --speed, not both")
    if speed is not None:
        return as_it_happened(speed, now_us() + events.max_skew_us)
    return at_once if rate is None else evenly(rate)


@contextmanager
def _progress(console: Console, files: EventFiles) -> Iterator[Callable[[Loaded], None]]:
    """A bar on a terminal, and lines now and then elsewhere."""
    started_s = time.monotonic()

    def line(loaded: Loaded) -> str:
        rate = loaded.sent / max(time.monotonic() - started_s, 1e-9)
        return f"{loaded.sent:,} events sent ({rate:,.0f}/s)"

    if not console.is_terminal:
        ticker = Ticker(console, None)
        yield lambda loaded: ticker.tell(line(loaded))
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=files.size)
        yield lambda loaded: bar.update(
            task, completed=files.bytes_read(), description=line(loaded)
        )


def _tell_end(ended: _Ended) -> None:
    loaded = ended.loaded
    sent = (
        f"{loaded.sent:,} events sent to '{escape(ended.topic)}' in {ended.seconds:.1f} s "
        f"({ended.rate:,.0f}/s)"
    )
    console.print(
        f"[yellow]![/] stopped: {sent}" if ended.stopped else f"[green]✓[/] {sent}",
        highlight=False,
    )
    if loaded.keyless:
        console.print(
            f"[yellow]![/] {loaded.keyless:,} of them without a key, because their user can't be "
            "read: the job makes dead letters of them",
            soft_wrap=True,
        )
    if loaded.too_large:
        console.print(
            f"[bold red]✗[/] {loaded.too_large:,} more were not sent: they are larger than "
            f"the {ended.largest:,} bytes that the topic takes (max.message.bytes)",
            soft_wrap=True,
        )


def _report(ended: _Ended) -> dict[str, object]:
    return {
        "topic": ended.topic,
        "sent": ended.loaded.sent,
        "without_key": ended.loaded.keyless,
        "too_large": ended.loaded.too_large,
        "seconds": round(ended.seconds, 3),
        "events_per_s": round(ended.rate, 1),
        "stopped": ended.stopped,
    }
