"""The window of a feature, and its tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.calendar import CALENDAR, GOING_ON, Calendar
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.options import Zone
from operators.features.tiling import Sliding, Tiling
from operators.features.windows import LIFETIME, SESSION

UTC: Final = "UTC"  # the zone where none is said


@dataclass(frozen=True)
class WindowLength(Option[str]):
    """A window: a duration, or one of the words that stand for one, also of the calendar.

    A duration is cut into tiles of `tile` where the feature says nothing else, None for a dozen.
    """

    type: Any = str
    spans: bool = True
    tile: str | None = None
    words: tuple[str, ...] = (SESSION, LIFETIME)
    calendar: tuple[str, ...] = CALENDAR

    @property
    def known(self) -> tuple[str, ...]:
        """All words that stand for a window."""
        return *self.words, *self.calendar

    def problems(self, path: str, value: str | None, feature: Definition) -> Iterator[Problem]:
        if value is None or value in {SESSION, LIFETIME, *CALENDAR}.difference(self.known):
            others = f"{', '.join(self.known)} or " if self.known else ""
            found = "" if value is None else f", found '{value}'"
            yield Problem(path, f"expected {others}a duration such as 1h{found}")
        elif value not in self.known:
            yield from self.problems_of_duration(path, value, feature)

    def problems_of_duration(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        """What is wrong with a window that is no word."""
        tile = feature.get(TILE)
        try:
            Tiling.cut(value, tile)
        except UsageError as error:
            if tile is None or not _is_duration(value):  # else that is the tile's mistake
                alternatives = f", or {' or '.join(self.known)}" if self.known else ""
                yield Problem(path, f"{error}{alternatives}")


@dataclass(frozen=True)
class TileLength(Option[str]):
    """The length of a tile, which divides the window."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        window = window_text(feature)
        if window is not None and _is_duration(window):
            try:
                Tiling.cut(window, value)
            except UsageError as error:
                yield Problem(path, str(error))
        elif window in _window_of(feature).known or not _has_window(feature):
            yield Problem(path, "only a window of a duration has tiles")


@dataclass(frozen=True)
class ZoneOfWindow(Zone):
    """The zone of a window of the calendar."""

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        window = window_text(feature)
        if window is not None and window not in CALENDAR:
            yield Problem(path, f"only a window of the calendar has a zone: {', '.join(CALENDAR)}")
        yield from super().problems_of_value(path, value, feature)


@dataclass(frozen=True)
class Exact(Option[bool]):
    """Whether the edge of a window is where it is said to be, and not at that of a tile."""

    type: Any = bool

    def problems_of_value(self, path: str, value: bool, feature: Definition) -> Iterator[Problem]:
        window = window_text(feature)
        if not value:
            yield Problem(path, "expected true, or nothing where the window may be in tiles")
        elif window is not None and window in _window_of(feature).known:
            yield Problem(path, "only a window of a duration is in tiles, and can be exact instead")


WINDOW: Final = WindowLength("window")
BEYOND_SESSIONS: Final = WindowLength("window", words=(LIFETIME,))
# Of kinds that keep of a value when it was seen last: that is gone once it is seen again today.
UP_TO_NOW: Final = WindowLength("window", calendar=GOING_ON)
UP_TO_NOW_BEYOND_SESSIONS: Final = WindowLength("window", words=(LIFETIME,), calendar=GOING_ON)
DURATION: Final = WindowLength("window", words=(), calendar=())
TILE: Final = TileLength("tile")
ZONE: Final = ZoneOfWindow("zone")
EXACT: Final = Exact("exact")
# Of kinds that keep single moments anyhow.
SHOWN_EXACT: Final = Exact("exact", shown=True)
MOST_EXACT: Final = 64  # events in a window that are told apart: of more, tiles are counted


def window_text(feature: Definition) -> str | None:
    """The window as written, wherever the kind has it."""
    return feature.get(_window_of(feature))


def tiling(feature: Definition) -> Tiling | None:
    """The tiles of the window, or None for a word that stands for one, and what has no window.

    Raises:
        UsageError: the window or the tile can't be used.
    """
    window = window_text(feature)
    if window in (None, SESSION, LIFETIME, *CALENDAR):
        return None
    return Tiling.cut(str(window), feature.get(TILE) or _window_of(feature).tile)


def sliding(feature: Definition) -> Sliding | None:
    """The window where its edge is exact, else None.

    Raises:
        UsageError: the window or the tile can't be used.
    """
    tiles = tiling(feature)
    return Sliding(tiles.window_us) if tiles is not None and feature.get(EXACT) else None


def calendar(feature: Definition) -> Calendar | None:
    """The window of the calendar, None for others."""
    window = window_text(feature)
    if window not in CALENDAR:
        return None
    return Calendar(str(window), feature.given.get(ZONE.name) or UTC)


def window_tilings(feature: Definition) -> Iterator[Tiling]:
    """The tiles of the window, if it has any; of a calendar's, days that surely have all of it.

    An exact window has a part of one more in it.

    Raises:
        UsageError: the window or the tile can't be used.
    """
    tiles, of_calendar = tiling(feature), calendar(feature)
    if tiles is not None:
        yield Tiling(tiles.tile_us, tiles.tiles + 1) if feature.get(EXACT) else tiles
    if of_calendar is not None:
        yield of_calendar.covered


def _window_of(feature: Definition) -> WindowLength:
    return next((each for each in feature.options if isinstance(each, WindowLength)), WINDOW)


def _has_window(feature: Definition) -> bool:
    return _window_of(feature) in feature.options


def _is_duration(text: str) -> bool:
    try:
        parse_duration_us(text)
    except UsageError:
        return False
    return True
