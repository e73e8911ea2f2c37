"""The window of a feature, and its tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.kinds.definition import Definition, Option
from operators.features.tiling import Tiling
from operators.features.windows import LIFETIME, SESSION


@dataclass(frozen=True)
class WindowLength(Option[str]):
    """A window: a duration, or one of the words that stand for one."""

    type: Any = str
    spans: bool = True
    words: tuple[str, ...] = (SESSION, LIFETIME)

    def problems(self, path: str, value: str | None, feature: Definition) -> Iterator[Problem]:
        if value is None or value in {SESSION, LIFETIME}.difference(self.words):
            others = f"{', '.join(self.words)} or " if self.words else ""
            yield Problem(path, f"expected {others}a duration such as 1h")
        elif value not in self.words:
            yield from self._problems_of_duration(path, value, feature)

    def _problems_of_duration(
        self, path: str, value: str, feature: Definition
    ) -> Iterator[Problem]:
        tile = feature.get(TILE)
        try:
            Tiling.cut(value, tile)
        except UsageError as error:
            if tile is None or not _is_duration(value):  # else that is the tile's mistake
                alternatives = f", or {' or '.join(self.words)}" if self.words else ""
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
        elif window in _window_of(feature).words or not _has_window(feature):
            yield Problem(path, "only a window of a duration has tiles")


WINDOW: Final = WindowLength("window")
BEYOND_SESSIONS: Final = WindowLength("window", words=(LIFETIME,))
DURATION: Final = WindowLength("window", words=())
TILE: Final = TileLength("tile")


def window_text(feature: Definition) -> str | None:
    """The window as written, wherever the kind has it."""
    return feature.get(_window_of(feature))


def tiling(feature: Definition) -> Tiling | None:
    """The tiles of the window, or None for `session`, `lifetime`, and what has no window.

    Raises:
        UsageError: the window or the tile can't be used.
    """
    window = window_text(feature)
    if window in (None, SESSION, LIFETIME):
        return None
    return Tiling.cut(str(window), feature.get(TILE))


def window_tilings(feature: Definition) -> Iterator[Tiling]:
    """The tiles of the window, if it has any.

    Raises:
        UsageError: the window or the tile can't be used.
    """
    tiles = tiling(feature)
    if tiles is not None:
        yield tiles


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
