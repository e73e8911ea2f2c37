"""How a window of a duration is cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from operators.base.arrays import Ints, Mask, Moments
from operators.base.durations import US_PER_UNIT, format_duration, parse_duration_us
from operators.base.errors import UsageError

# A window is cut into the largest of these tiles that gives it at least 12.
_TILES_US: Final = tuple(
    count * US_PER_UNIT[unit]
    for unit, counts in {
        "w": (1,),
        "d": (1,),
        "h": (12, 6, 4, 2, 1),
        "m": (30, 20, 15, 10, 5, 2, 1),
        "s": (30, 20, 10, 5, 2, 1),
        "ms": (500, 200, 100, 50, 20, 10, 5, 2, 1),
    }.items()
    for count in counts
)
_TILES_PER_WINDOW: Final = 12
_MOST_TILES: Final = 1_000


@dataclass(frozen=True)
class Tiling:
    """A window of `tiles` tiles of `tile_us` each: the current tile and those before it."""

    tile_us: int
    tiles: int

    @property
    def window_us(self) -> int:
        """The length of the window in microseconds."""
        return self.tile_us * self.tiles

    def is_past(self, time_us: Any, newest_us: Any) -> Any:
        """Whether moments are older than the window at the newest ones; numbers or arrays."""
        return time_us // self.tile_us < newest_us // self.tile_us - self.tiles + 1

    def tiles_of(self, times_us: Moments) -> Ints:
        """The tile that each moment lies in."""
        tiles: Ints = times_us // self.tile_us
        return tiles

    def ends_us(self, times_us: Moments) -> Moments:
        """When these moments drop out of the window."""
        ends_us: Moments = (self.tiles_of(times_us) + self.tiles) * self.tile_us
        return ends_us

    def __str__(self) -> str:
        return f"{format_duration(self.window_us)} in tiles of {format_duration(self.tile_us)}"

    @classmethod
    def cut(cls, window: str, tile: str | None) -> Tiling:
        """Cut a window into tiles: into those given, or into about a dozen.

        Raises:
            UsageError: a text is no duration, or the tile doesn't divide the window.
        """
        window_us = parse_duration_us(window)
        tile_us = parse_duration_us(tile) if tile else _default_tile_us(window_us)
        tiles, rest = divmod(window_us, tile_us)
        if rest or not 1 <= tiles <= _MOST_TILES:
            raise UsageError(
                f"expected a tile that divides the window {window} into 1 to {_MOST_TILES} parts, "
                f"found '{format_duration(tile_us)}'"
            )
        return cls(tile_us, tiles)


@dataclass(frozen=True)
class Sliding:
    """A window of single moments: each counts for so long, to the microsecond."""

    window_us: int

    def is_past(self, times_us: Moments, newest_us: Moments) -> Mask:
        """Whether moments are older than the window at the newest ones, arrays that broadcast."""
        past: Mask = times_us <= newest_us - self.window_us
        return past

    def ends_us(self, times_us: Moments) -> Moments:
        """When these moments drop out of the window."""
        return times_us + self.window_us


FOREVER: Final = Tiling(US_PER_UNIT["h"], 9_000_000)  # a thousand years, as times end with 3000


def _default_tile_us(window_us: int) -> int:
    for tile_us in _TILES_US:
        if window_us % tile_us == 0 and window_us // tile_us >= _TILES_PER_WINDOW:
            return tile_us
    return (
        max(window_us // _TILES_PER_WINDOW, 1) if window_us % _TILES_PER_WINDOW == 0 else window_us
    )
