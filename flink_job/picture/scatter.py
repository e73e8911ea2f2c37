"""The clusters and some users in the two dimensions in which users differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.described import axis
from flink_job.picture.markup import Markup, element
from flink_job.picture.style import colour
from operators.clustering.record import ModelRecord
from operators.frame import Floats

_WIDTH: Final = 860  # pixels
_HEIGHT: Final = 520
_EDGE: Final = 24  # inside of the frame, so that nothing is drawn on it
_BELOW: Final = 36  # for the titles of the axes
_FEW: Final = 1.0  # percent of the users at each end that may be farther out than the frame


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
        element(
            "circle",
            element("title", names[id_]),
            cx=x,
            cy=y,
            r=3,
            class_=f"user {colour(rows[id_])}",
        )
        for (id_, *_), (x, y) in zip(record.users, frame.pixels(users).tolist(), strict=True)
    ]
    large = [
        _center(cluster.id, f"{cluster.name}, {cluster.share:.1%}", row, x, y)
        for row, (cluster, (x, y)) in enumerate(
            zip(record.clusters, frame.pixels(centers).tolist(), strict=True)
        )
    ]
    first, second = record.axes
    height = _HEIGHT + _BELOW
    return element(
        "svg",
        element("title", "Users and centers of the clusters in two principal components"),
        element("rect", class_="frame", x=20, y=0.5, width=_WIDTH, height=_HEIGHT),
        dots,
        large,
        _title(axis(first, "First"), f"translate({20 + _WIDTH / 2:.0f} {_HEIGHT + 24})"),
        _title(axis(second, "Second"), f"translate(12 {_HEIGHT / 2:.0f}) rotate(-90)"),
        role="img",
        width=_WIDTH + 24,
        height=height,
        viewBox=f"0 0 {_WIDTH + 24} {height}",
    )


@dataclass(frozen=True)
class _Frame:
    """What of the plane is drawn: from `low`, float64[2], in pixels a step."""

    low: Floats
    middle: Floats
    scale: float

    @classmethod
    def around(cls, users: Floats, centers: Floats) -> _Frame:
        """The frame of all centers and nearly all users."""
        inner = np.percentile(users, [_FEW, 100 - _FEW], axis=0) if len(users) else centers
        shown = np.concatenate([centers, inner])
        low, high = shown.min(axis=0), shown.max(axis=0)
        room = np.array([_WIDTH, _HEIGHT]) - 2 * _EDGE
        width = np.where(high > low, high - low, np.finfo(np.float64).tiny)
        scale = float((room / width).min()) if (high > low).any() else 1.0
        return cls(low, (low + high) / 2, scale)

    def pixels(self, places: Floats) -> Floats:
        """Where places float64[n, 2] are drawn; those beyond lie on the edge."""
        half = np.array([_WIDTH, _HEIGHT]) / 2 - _EDGE / 2
        apart = np.clip((places - self.middle) * self.scale, -half, half)
        drawn: Floats = np.array([20 + _WIDTH / 2, _HEIGHT / 2]) + apart * [1, -1]
        return drawn


def _center(id_: int, name: str, row: int, x: float, y: float) -> Markup:
    return element(
        "g",
        element("title", name),
        element("circle", cx=x, cy=y, r=12, class_=f"center {colour(row)}"),
        element("text", str(id_), x=x, y=y + 4, text_anchor="middle", class_="id"),
    )


def _title(text: str, place: str) -> Markup:
    return element("text", text, transform=place, text_anchor="middle", class_="faint")
