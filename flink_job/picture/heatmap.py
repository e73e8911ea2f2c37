"""The centroids as a heat map: how far each cluster lies from everyone, by dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flink_job.described import deviations, value
from flink_job.picture.markup import Markup, element
from operators.clustering.record import ClusterRecord, ModelRecord

_LEFT: Final = 250  # pixels, for the names of the clusters
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
    width = _LEFT + _WIDTH * len(dimensions) + _RIGHT
    height = _TOP + _HEIGHT * len(record.clusters) + 4
    return element(
        "svg",
        element("title", "Clusters against everyone, by dimension"),
        [_column(at, name) for at, name in enumerate(dimensions)],
        [
            element("g", _row(record, cluster), transform=f"translate(0 {_TOP + at * _HEIGHT})")
            for at, cluster in enumerate(record.clusters)
        ],
        role="img",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
    )


def _column(at: int, name: str) -> Markup:
    x = _LEFT + (at + 0.5) * _WIDTH
    place = f"translate({x:.0f} {_TOP - 8}) rotate(-40)"
    return element("text", _short(name), element("title", name), transform=place)


def _row(record: ModelRecord, cluster: ClusterRecord) -> Iterator[Markup]:
    name = f"{cluster.id}  {cluster.name}"
    middle = _HEIGHT / 2 + 4
    yield element("text", _short(name), element("title", name), x=0, y=middle)
    for at, dimension in enumerate(record.everyone):
        place = f"translate({_LEFT + at * _WIDTH} 0)"
        yield element("g", _cell(record, cluster, dimension), transform=place)


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
