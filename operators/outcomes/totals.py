"""What Measure knows: all that days and cohorts came to, and the records that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, MutableMapping
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np

from operators.base.arrays import Floats, Ints
from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
    UserOutcome,
)
from operators.outcomes.attribution import GROUPS, HELD_OUT, MEMBER, OTHER
from operators.outcomes.days import MOVES
from operators.outcomes.delta import CohortDelta, DayDelta, Delta
from operators.outcomes.outcomes import BOUNCES, MICRO, PAGES, SECONDS, SESSIONS, STEPS, Outcomes
from operators.outcomes.periods import Periods, date
from operators.outcomes.series import NOT_MEASURED

_DAY, _COHORT = "day", "cohort"
_FORGETS: Final = "forgets"  # the day before which days are not kept
_VERSION: Final = "version"  # that of the newest record
_UNTOLD: Final = "untold"  # there while something was added and not told
_NO_KEYS: Final = (_FORGETS, _VERSION, _UNTOLD)
_T = TypeVar("_T")


class Key(NamedTuple):
    """What a record is of; `at` is a day, or a period, counted from 1970.

    `stratum` is that of a cohort where it has one.
    """

    kind: str
    model: str | None
    name: str
    series: str
    at: int
    stratum: str | None = None

    @property
    def whose(self) -> tuple[str, str | None, str, str]:
        """The same for all days, or periods."""
        return self[:4]


class _DayTotal(msgspec.Struct, array_like=True):
    """int64[3, width], int64[3], and how many members there were before."""

    groups: bytes
    moves: bytes
    before: int = 0


class _CohortTotal(msgspec.Struct, array_like=True):
    """float64[3, cohort_width + periods], and float64[cohort_width] by the other segment."""

    groups: bytes
    both: dict[str, bytes]


class OutcomeTotals:
    """The totals of a job.

    Args:
        outcomes: what is measured.
        kept: where they lie, by the text of a key, as bytes; none are deleted but by `forget`.
    """

    def __init__(self, outcomes: Outcomes, kept: MutableMapping[str, bytes]) -> None:
        self._outcomes, self._kept = outcomes, kept
        self._changed: dict[Key, None] = {}
        self._known: Counter[str] | None = None
        self._untold: bool | None = None  # not known before state is read

    @property
    def known(self) -> tuple[int, int]:
        """How many days, and how many cohorts, there are of segments and clusters."""
        if self._known is None:
            self._known = Counter(key.kind for key in self._keys())
        return self._known[_DAY], self._known[_COHORT]

    def add(self, delta: Delta) -> None:
        """Add what a message comes to."""
        if not self._is_untold():
            self._kept[_UNTOLD], self._untold = b"1", True
        for day in delta.days:
            self._add_day(delta, day)
        for cohort in delta.cohorts:
            self._add_cohort(delta, cohort)

    def take_changed(self, version: int) -> Iterator[tuple[str, OutcomeRecord]]:
        """The records of what was changed since this was asked, and the last of what is let go."""
        if not self._is_untold():
            return
        del self._kept[_UNTOLD]
        changed, self._changed, self._untold = self._changed, {}, False
        version = self._version(version)
        newest = max((key.at for key in changed if key.kind == _DAY), default=None)
        if newest is not None:
            gone = self._forget(newest, changed)
            yield from ((self._shown(key), self._last(key, version)) for key in gone)
        for key in changed:
            if (stored := self._kept.get(_text(key))) is not None:
                yield self._shown(key), self._record(key, stored, version)

    def everything(self, version: int) -> Iterator[tuple[str, OutcomeRecord]]:
        """The records of all there is, each once, of a job that has told nothing before."""
        in_order = sorted(self._keys(), key=lambda key: (*map(str, key[:4]), key.at))
        self._kept[_UNTOLD], self._untold = b"1", True
        self._changed = dict.fromkeys(in_order)
        told = self.take_changed(version)
        yield from ((key, record) for key, record in told if not record.gone)

    def _version(self, version: int) -> int:
        """A version that is higher than all before, whatever the clock does."""
        version = max(version, _read_int(self._kept.get(_VERSION, b"0")) + 1)
        self._kept[_VERSION] = b"%d" % version
        return version

    def _keys(self) -> list[Key]:
        return [_key(text) for text in self._kept if text not in _NO_KEYS]

    def _is_untold(self) -> bool:
        """Whether something is to be told: all, where it was added before a restart."""
        if self._untold is None:
            self._untold = _UNTOLD in self._kept
            if self._untold:
                self._changed = dict.fromkeys(self._keys())
        return self._untold

    def _add_day(self, delta: Delta, day: DayDelta) -> None:
        segments, width = len(delta.segments), self._outcomes.width
        groups = _ints(day.groups).reshape(GROUPS, segments, width)
        moves = _ints(day.moves).reshape(segments, MOVES)
        for at, (name, series) in enumerate(delta.segments):
            if series != NOT_MEASURED:
                self._add(Key(_DAY, None, name, series, day.day), groups[:, at], moves[at])
        for model, id_, numbers, moved in day.clusters:
            name, series = delta.models[model]
            groups = np.zeros((GROUPS, width), np.int64)
            groups[MEMBER] = _ints(numbers)
            self._add(Key(_DAY, name, str(id_), series, day.day), groups, _ints(moved))

    def _add(self, key: Key, groups: Ints, moves: Ints) -> None:
        if not (np.any(groups) or np.any(moves)):
            return
        stored = self._kept.get(_text(key))
        total = _DayTotal(b"", b"") if stored is None else _read_day(stored)
        if stored is not None:
            groups = groups + _ints(total.groups).reshape(groups.shape)
            moves = moves + _ints(total.moves)
        whole = _DayTotal(groups.tobytes(), moves.tobytes(), total.before)
        self._put(key, whole, new=stored is None)

    def _add_cohort(self, delta: Delta, cohort: CohortDelta) -> None:
        name, series = delta.segments[cohort.segment]
        if series == NOT_MEASURED:
            return
        strata = self._outcomes.strata
        stratum = strata[cohort.stratum] if cohort.stratum >= 0 else None
        key = Key(_COHORT, None, name, series, cohort.period, stratum)
        if self._day_of(key) < self._first_kept():
            return  # its users act on, and would have it told again and again that it is gone
        stored = self._kept.get(_text(key))
        width = self._outcomes.cohort_width
        total = _CohortTotal(b"", {}) if stored is None else _read_cohort(stored)
        added = np.frombuffer(cohort.numbers, np.float64)
        groups = np.zeros((GROUPS, width + Periods.KEPT))
        if stored is not None:
            groups = np.frombuffer(total.groups, np.float64).reshape(groups.shape).copy()
        if cohort.other is None:
            groups[cohort.group] += added
        else:
            other, other_series = delta.segments[cohort.other]
            if other_series == NOT_MEASURED:
                return
            before = total.both.get(other)
            both = added if before is None else added + np.frombuffer(before, np.float64)
            total.both[other] = both.tobytes()
        self._put(key, _CohortTotal(groups.tobytes(), total.both), new=stored is None)

    def _put(self, key: Key, total: _DayTotal | _CohortTotal, *, new: bool) -> None:
        self._kept[_text(key)] = _encode(total)
        self._changed[key] = None
        if self._known is not None:
            self._known[key.kind] += new

    def _forget(self, newest: int, changed: dict[Key, None]) -> list[Key]:
        """Let go of what is older than is kept; members of before pass on to the next day."""
        first = newest - self._outcomes.keep_days
        known = self._first_kept()
        if first <= known:
            first = known
            if not any(self._day_of(key) < first for key in changed):
                return []
        self._kept[_FORGETS] = b"%d" % first
        keys = sorted(self._keys(), key=lambda x: x.at)
        gone = [key for key in keys if self._day_of(key) < first]
        for at, key in enumerate(gone):
            if key.kind == _DAY:
                later = (x for x in (*gone[at + 1 :], *keys) if x.at > key.at)
                self._pass_on(key, next((x for x in later if x.whose == key.whose), None), changed)
            del self._kept[_text(key)]
        if self._known is not None:
            self._known.subtract(key.kind for key in gone)
        return gone

    def _first_kept(self) -> int:
        """The first day that is kept, as far as was found out; 0 before."""
        return _read_int(self._kept.get(_FORGETS, b"0"))

    def _pass_on(self, key: Key, to: Key | None, changed: dict[Key, None]) -> None:
        total = _read_day(self._kept[_text(key)])
        entries, exits, _ = _ints(total.moves).tolist()
        if to is None:  # nothing came since: they are there at the first day that is kept
            to = key._replace(at=self._first_kept())
            none = np.zeros((GROUPS, self._outcomes.width), np.int64)
            following = _DayTotal(none.tobytes(), np.zeros(MOVES, np.int64).tobytes())
            if self._known is not None:
                self._known[_DAY] += 1
        else:
            following = _read_day(self._kept[_text(to)])
        following.before += total.before + entries - exits
        self._kept[_text(to)] = _encode(following)
        changed[to] = None

    def _day_of(self, key: Key) -> int:
        """The first day of what a record is of."""
        return key.at if key.kind == _DAY else self._outcomes.periods.first_day(key.at)

    def _shown(self, key: Key) -> str:
        """The key of a record in a topic: a JSON array, since names may hold anything."""
        day = date(self._day_of(key))
        return msgspec.json.encode((*key.whose, day, key.stratum)).decode()

    def _last(self, key: Key, version: int) -> OutcomeRecord:
        name, series, day = key.name, key.series, date(self._day_of(key))
        if key.kind == _COHORT:
            return CohortOutcomes(name, series, day, key.stratum, version, gone=True)
        return DayOutcomes(name, series, day, key.model, version, gone=True)

    def _record(self, key: Key, stored: bytes, version: int) -> OutcomeRecord:
        day = date(self._day_of(key))
        if key.kind == _COHORT:
            return self._cohort_record(key, _read_cohort(stored), day, version)
        total, width = _read_day(stored), self._outcomes.width
        groups = _ints(total.groups).reshape(GROUPS, width)
        entries, exits, stayed_us = _ints(total.moves).tolist()
        return DayOutcomes(
            name=key.name,
            series=key.series,
            day=day,
            model=key.model,
            version=version,
            entries=entries,
            exits=exits,
            stayed_seconds=stayed_us / MICRO,
            members_before=total.before,
            members=self._group(groups[MEMBER]),
            held_out=self._group(groups[HELD_OUT]),
            others=self._group(groups[OTHER]),
        )

    def _cohort_record(
        self, key: Key, total: _CohortTotal, day: str, version: int
    ) -> CohortOutcomes:
        groups = np.frombuffer(total.groups, np.float64).reshape(GROUPS, -1)
        both = {name: np.frombuffer(x, np.float64) for name, x in sorted(total.both.items())}
        return CohortOutcomes(
            name=key.name,
            series=key.series,
            cohort=day,
            stratum=key.stratum,
            version=version,
            members=self._cohort(groups[MEMBER]),
            held_out=self._cohort(groups[HELD_OUT]),
            others=self._cohort(groups[OTHER]),
            both={name: self._cohort(x) for name, x in both.items() if x[0]},
        )

    def _group(self, numbers: Ints) -> GroupDay:
        outcomes = self._outcomes
        k, steps = len(outcomes.names), len(outcomes.steps)
        converted, session_value = numbers[STEPS + steps :][:k], numbers[STEPS + steps + k :][:k]
        conversions, value = numbers[-2 * k :][:k], numbers[-k:]
        return GroupDay(
            conversions=self._named(conversions.tolist()),
            value=self._valued((value / MICRO).tolist()),
            sessions=int(numbers[SESSIONS]),
            seconds=int(numbers[SECONDS]) / MICRO,
            pages=int(numbers[PAGES]),
            bounces=int(numbers[BOUNCES]),
            converted=self._named(converted.tolist()),
            session_value=self._valued((session_value / MICRO).tolist()),
            steps=numbers[STEPS : STEPS + steps].tolist(),
        )

    def _cohort(self, numbers: Floats) -> Cohort:
        k = len(self._outcomes.names)
        by_outcome = numbers[1 : 1 + 4 * k].reshape(4, k)
        periods = np.trim_zeros(numbers[1 + 4 * k :], "b")
        told = zip(self._outcomes.names, by_outcome.T.tolist(), strict=True)
        return Cohort(
            users=round(numbers[0]),
            outcomes={
                name: UserOutcome(
                    round(converted), round(conversions), value / MICRO, squares / MICRO
                )
                for name, (converted, conversions, value, squares) in told
                if conversions
            },
            retained=[round(x) for x in periods.tolist()],
        )

    def _named(self, numbers: list[_T]) -> dict[str, _T]:
        """Numbers by the outcomes, those that are 0 left out."""
        return {x: n for x, n in zip(self._outcomes.names, numbers, strict=True) if n}

    def _valued(self, numbers: list[float]) -> dict[str, float]:
        """The values of those outcomes that have one."""
        named = self._named(numbers)
        valued = zip(self._outcomes.names, self._outcomes.values, strict=True)
        return {name: named[name] for name, value in valued if value is not None and name in named}


def _text(key: Key) -> str:
    return msgspec.json.encode(key).decode()


def _key(text: str) -> Key:
    return Key(*msgspec.json.decode(text))


def _ints(data: bytes) -> Ints:
    return np.frombuffer(data, np.int64)


def _read_int(data: bytes) -> int:
    return int(data)


_encode: Final = msgspec.msgpack.Encoder().encode
_read_day: Final = msgspec.msgpack.Decoder(_DayTotal).decode
_read_cohort: Final = msgspec.msgpack.Decoder(_CohortTotal).decode
