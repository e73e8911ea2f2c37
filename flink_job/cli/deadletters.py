"""`flockwise deadletters`: what could not be used, why, and sending it again after a fix."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.markup import escape

from flink_job.cli.counted import counted
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.shown import printable, rows, shortened
from flink_job.deadletters.offsets import ReplayPositions
from flink_job.deadletters.opening import Order, book_of, letters_of, replay
from flink_job.deadletters.positions import ReplayPosition
from flink_job.deadletters.reading import Letter, Letters
from flink_job.deadletters.replaying import Replay
from flink_job.plan import Plan
from operators.base.errors import UsageError, nearest
from operators.events.reasons import Reason

_SHOWN: Final = 20
_SHOWN_CHARACTERS: Final = 200  # of a raw, to a person


# Why letters are left where they are, by their reason.
_BY_KEY: Final = "they would fail again; --rekey mends their keys"
_HELD: Final[Mapping[str, str]] = {
    Reason.BAD_ROSTER: "they are no events; --reason bad_roster --to FILE writes them down, and "
    "`flockwise load FILE --roster` puts them into the roster's topic"
}


class Action(StrEnum):
    """What to do with dead letters."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"


# By option, the actions that it belongs to; --json belongs to all.
_BELONGS: Final[Mapping[str, frozenset[Action]]] = {
    "--reason": frozenset({Action.SHOW, Action.REPLAY}),
    "--limit": frozenset({Action.SHOW}),
    "--dry-run": frozenset({Action.REPLAY}),
    "--rekey": frozenset({Action.REPLAY}),
    "--to": frozenset({Action.REPLAY}),
}


def deadletters(  # noqa: PLR0913 - the options of a command are its parameters
    config: ConfigPath,
    action: Annotated[
        Action, typer.Argument(help="Count them by reason, show them, or send them again.")
    ] = Action.LIST,
    *,
    reason: Annotated[
        str | None, typer.Option(help="show, replay: only those of this reason.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"show: the last so many; {_SHOWN} if not given.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="replay: only say what would be sent.")
    ] = False,
    rekey: Annotated[
        bool, typer.Option("--rekey", help="replay: the user in the value becomes the key.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="replay: into a new file of JSON lines."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Count, show or replay the records that could not be used.

    After a fix, `replay` sends them to the topic of source.kafka with the
    keys that they had, or writes them into a file that a run can read. What
    fails again becomes a new dead letter.

    Each goes only once. How far it has come is kept, for each reason, as the
    offsets of the consumer group flockwise-NAME-replay, or for an output
    folder in the folder of the run. Letters that can't be replayed, because
    only their beginning was kept, are told once and passed.
    """
    given = {
        "--reason": reason is not None,
        "--limit": limit is not None,
        "--dry-run": dry_run,
        "--rekey": rekey,
        "--to": to is not None,
    }
    _check(action, given, reason)
    plan = plan_of(config)
    if action is Action.REPLAY:
        _replay(plan, Order(reason, rekey, dry_run, to), as_json)
    elif action is Action.SHOW:
        _show(plan, reason, limit or _SHOWN, as_json)
    else:
        _list(plan, as_json)


def _check(action: Action, given: Mapping[str, bool], reason: str | None) -> None:
    """Raises UsageError for an option of another action, or an unknown reason."""
    for option, is_given in given.items():
        if is_given and action not in _BELONGS[option]:
            belongs = " and ".join(sorted(_BELONGS[option]))
            raise UsageError(f"{option} belongs to {belongs}, not to {action.value}")
    known = [known.value for known in Reason]
    if reason is not None and reason not in known:
        hint = nearest(reason, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"--reason: there is no reason '{reason}'{hint}")


def _list(plan: Plan, as_json: bool) -> None:
    letters = letters_of(plan)
    summary = _summary(_read(letters), book_of(plan).read())
    if as_json:
        write_lines([json_line(summary)])
    elif summary:
        header = ("reason", "letters", "replayed", "for example")
        write_lines(rows(header, ([str(cell) for cell in line.values()] for line in summary)))
    else:
        console.print("there are no dead letters")
    _tell_unreadable(letters)


def _summary(letters: Iterable[Letter], places: ReplayPositions) -> list[dict[str, Any]]:
    """For each reason how many letters, how many of them replayed, and the last one's detail."""
    counts: Counter[str] = Counter()
    replayed: Counter[str] = Counter()
    example: dict[str, str] = {}
    for letter in letters:
        reason = letter.record.reason
        counts[reason] += 1
        replayed[reason] += places.get(letter.part, ReplayPosition()).is_past(letter.at, reason)
        example[reason] = letter.record.detail
    return [
        {
            "reason": reason,
            "letters": count,
            "replayed": replayed[reason],
            "example": example[reason],
        }
        for reason, count in counts.most_common()
    ]


def _show(plan: Plan, reason: str | None, limit: int, as_json: bool) -> None:
    letters = letters_of(plan)
    chosen = (each for each in _read(letters) if reason in (None, each.record.reason))
    numbered = deque(enumerate(chosen, 1), maxlen=limit)
    shown = [letter for _, letter in numbered]
    if as_json:
        write_lines(json_line(msgspec.structs.asdict(letter.record)) for letter in shown)
    else:
        write_lines(line for letter in shown for line in _lines(letter))
    count = numbered[-1][0] if numbered else 0
    if count != len(shown) or not shown:
        console.print(f"{len(shown):,} of {count:,} dead letters shown", highlight=False)
    _tell_unreadable(letters)


def _lines(letter: Letter) -> Iterator[str]:
    record = letter.record
    yield f"{printable(record.reason)}: {printable(record.detail)}"
    yield f"  at     {record.at}, {letter.part}:{letter.at}"
    yield f"  key    {_data(record.key, record.key_base64)}"
    raw = _data(record.raw, record.raw_base64)
    kept = ", only the beginning kept" if record.truncated else ""
    yield f"  value  {record.size:,} bytes{kept}"
    yield f"         {raw}"


def _data(text: str | None, base64: str | None) -> str:
    """A key or a value: as it is if it is text, else as Base64."""
    if text is not None:
        return shortened(printable(text), _SHOWN_CHARACTERS)
    return "null" if base64 is None else f"base64 {shortened(base64, _SHOWN_CHARACTERS)}"


def _replay(plan: Plan, order: Order, as_json: bool) -> None:
    letters = letters_of(plan)
    replayed = replay(plan, order, _read(letters))
    source = plan.config.source.kafka
    to = str(order.to) if order.to is not None or source is None else source.topic
    if as_json:
        write_lines([json_line(_report(replayed, to, dry_run=order.dry_run))])
    else:
        _tell(replayed, to, dry_run=order.dry_run)
    _tell_unreadable(letters)


def _report(replayed: Replay, to: str, *, dry_run: bool) -> dict[str, object]:
    return {
        "to": to,
        "dry_run": dry_run,
        "sent": replayed.sent,
        "held": dict(replayed.held),
        "refused": dict(replayed.refused),
    }


def _tell(replayed: Replay, to: str, *, dry_run: bool) -> None:
    verb = "would be sent" if dry_run else "sent"
    console.print(
        f"[green]✓[/] {replayed.sent:,} dead letters {verb} to '{escape(to)}'",
        highlight=False,
        soft_wrap=True,
    )
    for reason, count in replayed.held.items():
        _warn(f"{count:,} of reason {reason} left: {_HELD.get(reason, _BY_KEY)}")
    for why, count in replayed.refused.items():
        _warn(f"{count:,} can't be replayed: {why}")


def _read(letters: Letters) -> Iterator[Letter]:
    return counted(letters, console, "dead letters read")


def _tell_unreadable(letters: Letters) -> None:
    if letters.unreadable:
        _warn(f"{letters.unreadable:,} records there are none of flockwise's and were passed over")


def _warn(text: str) -> None:
    console.print(f"[yellow]![/] {escape(text)}", highlight=False, soft_wrap=True)
