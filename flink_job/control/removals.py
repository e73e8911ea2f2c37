"""The guard over segments that a configuration would remove: nobody's work is lost unawares.

The newest version of the segments may have segments that a configuration lacks, because its author
took them out, or because somebody else added them since. What tells the two apart is whether
the configuration has had them. That is known of one thing alone: of a version which said just what
the configuration said, when it was applied here or a job was started with it. So that is noted in
the folder of its state (`run.state`), by number and moment: the control topic holds all
versions, with when and by whom each was made.

A segment is removed without a word more if it stood in that version and nobody has changed it
since. Every other removal is refused until `--remove` says that it is meant. That is every removal
where nothing is noted: in another checkout, on another machine, in a build, after the folder of the
state or the topic is gone. Who added a segment is told, and decides nothing: builds share a name.
Nor does it decide that an older version reads like the configuration: it may come from
another branch. `segments delete` names what it removes, and is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from flink_job.runtime.atomic import write_whole
from operators.base.errors import UsageError
from operators.contracts.control.messages import Segments
from operators.rules.spec import SegmentSpec

_MOST_TOLD: Final = 5


class _Noted(msgspec.Struct, frozen=True):
    """A version which said what the configuration says."""

    version: int
    at: str | None


def check(
    folder: Path,
    history: Sequence[Segments],
    wanted: Mapping[str, SegmentSpec],
    *,
    remove: bool,
) -> None:
    """See that no segment of the newest of the versions goes that the configuration never had.

    `folder` is that of its state. With `remove` all may go.

    Raises:
        UsageError: some would; which, and who added or changed them when.
    """
    if remove or not history:
        return
    known = _known(folder, history)
    going = [_change(name, history) for name in history[-1].segments if name not in wanted]
    unasked = [told for version, told in going if version > known]
    if unasked:
        more = len(unasked) - _MOST_TOLD
        names = ", ".join(unasked[:_MOST_TOLD]) + (f" and {more:,} more" if more > 0 else "")
        raise UsageError(
            f"this would remove segments that the configuration is not known to have had: {names}; "
            "`flockwise segments export` writes what holds, to take them in from there, and "
            "--remove removes them"
        )


def note(folder: Path, version: Segments, configured: Mapping[str, SegmentSpec]) -> None:
    """Note a version in the folder of the configuration's state, if the two say the same.

    Where that can't be written nothing is noted: then there is more to be asked.
    """
    if version.segments == configured:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(_path(folder), msgspec.json.encode(_Noted(version.version, version.at)))


def _known(folder: Path, history: Sequence[Segments]) -> int:
    """The number of the version that was noted; 0 without one, or where the topic lacks it."""
    try:
        noted = msgspec.json.decode(_path(folder).read_bytes(), type=_Noted)
    except (OSError, msgspec.DecodeError):
        return 0
    there = any((each.version, each.at) == (noted.version, noted.at) for each in history)
    return noted.version if there else 0


def _change(name: str, history: Sequence[Segments]) -> tuple[int, str]:
    """The version that added or changed a segment last, and that in words."""
    last, what, before = history[0], "added", None
    for each in history:
        spec = each.segments.get(name)
        if spec != before:
            last, what = each, "added" if before is None else "changed"
        before = spec
    by = f" by {last.by}" if last.by else ""
    at = f" at {last.at}" if last.at else ""
    return last.version, f"'{name}' ({what} in version {last.version}{by}{at})"


def _path(folder: Path) -> Path:
    return folder / "applied.json"
