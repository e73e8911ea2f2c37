"""What is wrong with the features of a configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from typing import Final
from zoneinfo import available_timezones

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError, nearest
from operators.features.choice import Filter
from operators.features.decay import SHORTEST_HALF_LIFE_US
from operators.features.spec import LIFETIME, READING, SESSION, TAKES, UNITS_US, FeatureSpec
from operators.features.tiling import Tiling

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED: Final = frozenset({"cluster", "user", "version"})
_TYPES: Final = ("category", "number")
_FEWEST_STEPS: Final = 2
_MOST_STEPS: Final = 20
_ALL: Final = 100  # per cent
_LONGEST_LIST: Final = 50  # values; a user's row has 16 bytes for each
_LONGEST_TEXT: Final = 1_000  # characters, as of the properties that a default stands for
_OPTIONS: Final = sorted(frozenset[str]().union(*TAKES.values()))
# The windows that a kind can't have, of those that are no duration.
_NO_WINDOWS: Final = {
    "sessions": (SESSION,),
    "bounce_rate": (SESSION,),
    "per_session": (SESSION,),
    "unmatched": (SESSION,),
    "median": (SESSION,),
    "percentile": (SESSION,),
    "rate": (SESSION, LIFETIME),
}
# What a kind can't do without, and what is expected there; windows are checked for themselves.
_NEEDS: Final = {
    "within": "expected a duration such as 30m",
    "half_life": "expected a duration such as 7d",
    "baseline": "expected a duration such as 7d",
    "at": "expected the percentage of values below, such as 90",
    "by": "expected the event types that match, such as purchase",
    "same": "expected the property that both events share, such as product_id",
}


def problems(features: Mapping[str, FeatureSpec]) -> Iterator[Problem]:
    """Every mistake in the features of a configuration."""
    for name, spec in features.items():
        path = f"features.{name}"
        if not _NAME.fullmatch(name):
            yield Problem(path, "expected a name of letters, digits and _, up to 100 of them")
        if name in _RESERVED:
            yield Problem(path, f"'{name}' is taken: it names a column of every assignment")
        kinds = spec.kinds
        if len(kinds) == 1:
            yield from _problems_of_kind(path, kinds[0], spec)
        else:
            found = f"found {' and '.join(kinds)}" if kinds else "found none"
            yield Problem(path, f"expected one of {', '.join(TAKES)}, {found}")


def _problems_of_kind(path: str, kind: str, spec: FeatureSpec) -> Iterator[Problem]:
    for option in _OPTIONS:
        if getattr(spec, option) is not None and option not in TAKES[kind]:
            allowed = ", ".join(sorted(TAKES[kind]))
            yield Problem(f"{path}.{option}", f"'{kind}' takes {allowed}; not '{option}'")
    for option, expected in _NEEDS.items():
        if option in TAKES[kind] and getattr(spec, option) is None:
            yield Problem(f"{path}.{option}", expected)
    yield from _problems_of_choices(path, spec)
    yield from _problems_of_names(path, kind, spec)
    yield from _problems_of_window(path, kind, spec)
    yield from _problems_of_lengths(path, spec)
    yield from _problems_of_categories(path, spec)
    if kind in ("funnel", "funnel_time") and (
        not _FEWEST_STEPS <= len(spec.steps) <= _MOST_STEPS or "" in spec.steps
    ):
        wanted = f"expected {_FEWEST_STEPS} to {_MOST_STEPS} event types in their order"
        yield Problem(f"{path}.{kind}", f"{wanted}, found {len(spec.steps)}")
    if spec.at is not None and not 0 <= spec.at <= _ALL:
        yield Problem(f"{path}.at", f"expected a percentage from 0 to 100, found {spec.at:g}")
    if spec.most is not None and not 1 <= spec.most <= _LONGEST_LIST:
        expected = f"expected a whole number from 1 to {_LONGEST_LIST}"
        yield Problem(f"{path}.most", f"{expected}, found {spec.most}")
    if spec.where is not None:
        try:
            Filter(spec.where)
        except UsageError as error:
            yield Problem(f"{path}.where", str(error))


def _problems_of_choices(path: str, spec: FeatureSpec) -> Iterator[Problem]:
    for option, allowed in (
        ("duration", (SESSION,)),
        ("returned_after", (SESSION,)),
        ("unit", UNITS_US),
        ("type", _TYPES),
    ):
        value = getattr(spec, option)
        if value is not None and value not in allowed:
            yield _problem_of_choice(f"{path}.{option}", value, " or ".join(allowed), allowed)
    if spec.zone is not None and spec.zone not in (zones := available_timezones()):
        expected = "a time zone such as UTC or Europe/Berlin"
        yield _problem_of_choice(f"{path}.zone", spec.zone, expected, sorted(zones))


def _problem_of_choice(path: str, value: str, expected: str, allowed: Collection[str]) -> Problem:
    return Problem(path, f"expected {expected}, found '{value}'{nearest(value, list(allowed))}")


def _problems_of_names(path: str, kind: str, spec: FeatureSpec) -> Iterator[Problem]:
    types = () if kind in ("funnel", "funnel_time") else (kind,)
    for option in (*types, "of", "by", "one_hot"):
        values = getattr(spec, option)
        if option in READING:
            if values == "":
                yield Problem(f"{path}.{option}", "expected the name of a property of the events")
        elif values in ([], "") or (isinstance(values, list) and "" in values):
            yield Problem(f"{path}.{option}", "expected at least one name, and none empty")
        elif isinstance(values, list) and len(set(values)) < len(values):
            yield Problem(f"{path}.{option}", "a name stands here twice")
    for option in ("same", "has"):
        if getattr(spec, option) == "":
            yield Problem(f"{path}.{option}", "expected the name of a property of the events")
    if "has" in TAKES[kind] and spec.has is None and spec.type is not None:
        yield Problem(
            f"{path}.type", "it says what kind of property `has` names, and there is none"
        )


def _problems_of_categories(path: str, spec: FeatureSpec) -> Iterator[Problem]:
    number = spec.type == "number"
    if number and spec.one_hot is not None:
        yield Problem(f"{path}.one_hot", "only a category is one-hot encoded, not a number")
    default = spec.default
    if default is None:
        return
    if number and not (isinstance(default, float) and isfinite(default)):
        yield Problem(f"{path}.default", f"expected a number, as the type says, found '{default}'")
    elif not number and isinstance(default, float):
        expected = "expected a text (or type: number)"
        yield Problem(f"{path}.default", f"{expected}, found {default:g}: quote it")
    elif isinstance(default, str) and not 0 < len(default) <= _LONGEST_TEXT:
        expected = f"expected a text of 1 to {_LONGEST_TEXT} characters"
        yield Problem(f"{path}.default", f"{expected}, found {len(default)}")


def _problems_of_lengths(path: str, spec: FeatureSpec) -> Iterator[Problem]:
    for option in ("within", "half_life"):
        text = getattr(spec, option)
        if text is None:
            continue
        try:
            length_us = parse_duration_us(text)
        except UsageError as error:
            yield Problem(f"{path}.{option}", str(error))
        else:
            if option == "half_life" and length_us < SHORTEST_HALF_LIFE_US:
                yield Problem(f"{path}.half_life", f"expected 1s or longer, found '{text}'")


def _problems_of_window(path: str, kind: str, spec: FeatureSpec) -> Iterator[Problem]:
    option = "window" if "window" in TAKES[kind] else kind
    barred = _NO_WINDOWS.get(kind, ())
    words = [word for word in (SESSION, LIFETIME) if word not in barred]
    if spec.window_text in barred or ("window" in TAKES[kind] and spec.window is None):
        others = f"{', '.join(words)} or " if words else ""
        yield Problem(f"{path}.{option}", f"expected {others}a duration such as 1h")
        return
    try:
        tiling = spec.tiling()
    except UsageError as error:
        if spec.tile is not None and _is_duration(str(spec.window_text)):
            yield Problem(f"{path}.tile", str(error))
            return
        alternatives = f", or {' or '.join(words)}" if words else ""
        yield Problem(f"{path}.{option}", f"{error}{alternatives}")
        return
    if spec.tile is not None and tiling is None:
        yield Problem(f"{path}.tile", "only a window of a duration has tiles")
    if spec.baseline is not None and tiling is not None:
        yield from _problems_of_baseline(path, spec.baseline, tiling)


def _is_duration(text: str) -> bool:
    try:
        parse_duration_us(text)
    except UsageError:
        return False
    return True


def _problems_of_baseline(path: str, baseline: str, window: Tiling) -> Iterator[Problem]:
    try:
        longer = Tiling.cut(baseline, None).window_us > window.window_us
    except UsageError as error:
        yield Problem(f"{path}.baseline", str(error))
        return
    if not longer:
        expected = "expected a duration longer than the window, which it is compared with"
        yield Problem(f"{path}.baseline", f"{expected}, found '{baseline}'")
