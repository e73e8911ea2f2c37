"""In which order segments are judged: after those whose members their conditions ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final

from operators.rules.groups import Mistake
from operators.rules.segment import Segment

# What is judged as one: the segments of a group, or a segment alone.
_Unit = tuple[str, str]
_MOST_CIRCLES: Final = 5  # that are told: to find one takes a search of all
_Edges = dict[_Unit, dict[_Unit, tuple[str, str]]]  # from -> to -> which segment asks for which


def problems_of_references(segments: Sequence[Segment]) -> Iterator[Mistake]:
    """Segments that ask for others in a circle, or for others of their own group."""
    by_name = {segment.name: segment for segment in segments}
    for segment in segments:
        for asked in segment.asks_for():
            other = by_name.get(asked)
            if other and other is not segment and _unit(other) == _unit(segment):
                found = f"in_segment asks for {asked}, which is in the same group {segment.group}"
                yield segment.name, _field(segment, asked), found
    edges = _edges(segments)
    for _ in range(_MOST_CIRCLES):
        if not (cycle := _cycle(edges)):
            return
        pairs = [edges[unit][after] for unit, after in pairwise(cycle)]
        start = pairs.index(min(pairs, key=lambda pair: list(by_name).index(pair[0])))
        del edges[cycle[start]][cycle[start + 1]]
        pairs = pairs[start:] + pairs[:start]
        name, asked = pairs[0]
        shown = f"in_segment goes in a circle: {_shown(pairs)}"
        yield name, _field(by_name[name], asked), shown


def in_strata(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments, in the first stratum those that ask for none, in each other those that ask
    for earlier ones only; as they come within a stratum. There is always a first.
    """
    level: dict[_Unit, int] = {}
    edges = _edges(segments)
    for unit in TopologicalSorter(edges).static_order():
        level[unit] = 1 + max((level[after] for after in edges[unit]), default=-1)
    strata: list[list[Segment]] = [[] for _ in range(1 + max(level.values(), default=0))]
    for segment in segments:
        strata[level[_unit(segment)]].append(segment)
    return strata


def _unit(segment: Segment) -> _Unit:
    return ("segment", segment.name) if segment.group is None else ("group", segment.group)


def _edges(segments: Sequence[Segment]) -> _Edges:
    """Who asks for whom, but within a group; what is not among the segments is left out."""
    units = {segment.name: _unit(segment) for segment in segments}
    edges: _Edges = {unit: {} for unit in units.values()}
    for segment in segments:
        own = units[segment.name]
        for asked in segment.asks_for():
            if asked == segment.name or units.get(asked, own) != own:
                edges[own].setdefault(units[asked], (segment.name, asked))
    return edges


def _cycle(edges: _Edges) -> list[_Unit]:
    """A circle of units, each asking for the next, that ends where it begins; empty if none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        found: list[_Unit] = error.args[1]
        return found[::-1]
    return []


def _shown(pairs: Sequence[tuple[str, str]]) -> str:
    """A -> B -> A; where a circle closes through a group: C -> A, in one group with B -> C."""
    text = pairs[0][0]
    following = [*(asking for asking, _ in pairs[1:]), pairs[0][0]]
    for (_, asked), asking in zip(pairs, following, strict=True):
        text += f" -> {asked}" if asked == asking else f" -> {asked}, in one group with {asking}"
    return text


def _field(segment: Segment, asked: str) -> str:
    """Which of its conditions asks for another."""
    entry_only = Segment(segment.name, segment.when)
    return "when" if asked in entry_only.asks_for() else "leave_when"
