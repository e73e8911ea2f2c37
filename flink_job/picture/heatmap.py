"""The centroids as a heat map: how far each cluster lies from everyone, by dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flink_job.picture.markup import Markup, element
from flink_job.queries.described import deviations, value
from operators.clustering.record import ClusterRecord, ModelRecord

_CHARACTER: Final = 7  # pixels, of a name
_GAP: Final = 16  # between the names of the clusters and the cells
_TOP: Final = 130  # for those of the dimensions, which lean
_WIDTH: Final = 66
_HEIGHT: Final = 38
_RIGHT: Final = 90
_NAME: Final = 36  # characters of a name that there is room for
_FULL: Final = 2.5  # deviations at which a colour is full
_OPAQUE: Final = 0.8  # at most, so that the ink can be read on it


def heatmap(record: ModelRecord) -> Markup:
    """A row a cluster, a column a dimension; each cell tells its values, and all of it on hover."""
    dimensions = list(record.everyone)
    names = [_short(f"{cluster.id}  {cluster.name}") for cluster in record.clusters]
    left = max(map(len, names)) * _CHARACTER + _GAP
    width = left + _WIDTH * len(dimensions) + _RIGHT
    height = _TOP + _HEIGHT * len(record.clusters) + 4
    return element(
        "svg",
        element("title", "Clusters against everyone, by dimension"),
        [_column(left + (at + 0.5) * _WIDTH, name) for at, name in enumerate(dimensions)],
        [
            element("text", name, element("title", cluster.name), x=0, y=_middle(at))
            for at, (name, cluster) in enumerate(zip(names, record.clusters, strict=True))
        ],
        [
            element("g", _cell(record, cluster, dimension), transform=_place(left, row, at))
            for row, cluster in enumerate(record.clusters)
            for at, dimension in enumerate(dimensions)
        ],
        role="img",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
    )


def _column(x: float, name: str) -> Markup:
    leaning = f"translate({x:.0f} {_TOP - 8}) rotate(-40)"
    return element("text", _short(name), element("title", name), transform=leaning)


def _middle(row: int) -> float:
    return _TOP + (row + 0.5) * _HEIGHT + 4


def _place(left: int, row: int, column: int) -> str:
    return f"translate({left + column * _WIDTH} {_TOP + row * _HEIGHT})"


def _cell(record: ModelRecord, cluster: ClusterRecord, dimension: str) -> Iterator[Markup]:
    apart = cluster.standardised[dimension]
    typical = value(dimension, cluster.typical[dimension])
    usual = value(dimension, record.everyone[dimension])
    yield element(
        "title",
        f"{cluster.name}, {dimension}: typically {typical} (everyone {usual}), "
        f"mean {deviations(apart)} deviations from everyone's",
    )
    box = {"width": _WIDTH - 2, "height": _HEIGHT - 2, "rx": 3}
    if apart is not None:
        side = "above" if apart > 0 else "below"
        strength = min(abs(apart) / _FULL, 1) * _OPAQUE
        yield element("rect", class_=side, fill_opacity=f"{strength:.2f}", **box)
    yield element("rect", class_="cell", **box)
    x = _WIDTH / 2 - 1
    yield element("text", deviations(apart), x=x, y=16, text_anchor="middle")
    yield element("text", typical, x=x, y=29, text_anchor="middle", class_="small")


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
