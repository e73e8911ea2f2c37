"""The clusters and some users in the two dimensions in which users differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.picture.markup import Markup, element
from flink_job.picture.style import colour
from flink_job.queries.described import axis
from operators.base.arrays import Floats
from operators.clustering.record import ClusterRecord, ModelRecord

_WIDTH: Final = 860  # pixels
_HEIGHT: Final = 520
_EDGE: Final = 24  # inside of the frame, so that nothing is drawn on it
_TITLE: Final = 24  # above and below it, for the titles of the axes
_FEW: Final = 1.0  # percent of the users at each end that may be farther out than the frame
_POINT: Final = 1e-300  # less than so far apart is one place


def scatter(record: ModelRecord) -> Markup:
    """Users as small dots, centers as large ones with their ids.

    One step is as long on both axes, as distances are what clusters are made of.
    """
    rows = {cluster.id: row for row, cluster in enumerate(record.clusters)}
    names = {cluster.id: cluster.name for cluster in record.clusters}
    centers = np.array([cluster.place for cluster in record.clusters])
    users = np.array([user[1:] for user in record.users]).reshape(-1, 2)
    frame = _Frame.around(users, centers)
    dots = [
        _user(names[id_], rows[id_], x, y)
        for (id_, *_), (x, y) in zip(record.users, frame.pixels(users).tolist(), strict=True)
    ]
    large = [
        _center(cluster, rows[cluster.id], x, y)
        for cluster, (x, y) in zip(record.clusters, frame.pixels(centers).tolist(), strict=True)
    ]
    first, second = record.axes
    height = _HEIGHT + 2 * _TITLE
    return element(
        "svg",
        element("title", "Users and centers of the clusters in two principal components"),
        element("text", f"↑ {axis(second, 'Second')}", x=0, y=_TITLE - 8),
        element("rect", class_="frame", x=1, y=_TITLE, width=_WIDTH - 2, height=_HEIGHT),
        dots,
        large,
        element("text", f"→ {axis(first, 'First')}", x=_WIDTH, y=height - 8, text_anchor="end"),
        role="img",
        width=_WIDTH,
        height=height,
        viewBox=f"0 0 {_WIDTH} {height}",
    )


@dataclass(frozen=True)
class _Frame:
    """What of the plane is drawn: around `middle`, float64[2], `scale` pixels a step."""

    middle: Floats
    scale: float

    @classmethod
    def around(cls, users: Floats, centers: Floats) -> _Frame:
        """The frame of all centers and nearly all users."""
        inner = np.percentile(users, [_FEW, 100 - _FEW], axis=0) if len(users) else centers
        shown = np.concatenate([centers, inner])
        low, high = shown.min(axis=0), shown.max(axis=0)
        room = np.array([_WIDTH, _HEIGHT]) - 2 * _EDGE
        pixel = float(((high - low) / room).max())  # a step as long as one
        return cls((low + high) / 2, 1 / pixel if pixel > _POINT else 1.0)

    def pixels(self, places: Floats) -> Floats:
        """Where places float64[n, 2] are drawn; those beyond lie on the edge."""
        half = np.array([_WIDTH, _HEIGHT]) / 2 - _EDGE / 2
        apart = np.clip((places - self.middle) * self.scale, -half, half)
        drawn: Floats = np.array([_WIDTH / 2, _TITLE + _HEIGHT / 2]) + apart * [1, -1]
        return drawn


def _user(name: str, row: int, x: float, y: float) -> Markup:
    of_cluster = f"user {colour(row)}"
    return element("circle", element("title", name), cx=x, cy=y, r=3, class_=of_cluster)


def _center(cluster: ClusterRecord, row: int, x: float, y: float) -> Markup:
    return element(
        "g",
        element("title", f"{cluster.name}, {cluster.share:.1%}"),
        element("circle", cx=x, cy=y, r=12, class_=f"center {colour(row)}"),
        element("text", str(cluster.id), x=x, y=y + 4, text_anchor="middle", class_="id"),
    )
