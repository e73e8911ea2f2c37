"""The page: the picture of one version, its clusters as a table, and the versions before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from flink_job.picture.heatmap import heatmap
from flink_job.picture.markup import Markup, element
from flink_job.picture.scatter import scatter
from flink_job.picture.style import STYLE, colour
from flink_job.queries.described import choice, components, lineage, marks, quality, title, value
from operators.clustering.record import ModelRecord

# Nothing is loaded and nothing runs, whatever the names of clusters and features may hold.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(record: ModelRecord, history: Sequence[ModelRecord]) -> str:
    """One version of a model as a page of HTML, complete in itself.

    `history` are the model's versions, oldest first.
    """
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", f"{record.model}, version {record.version}"),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element("h1", f"Clusters of {record.model}"),
        element("p", title(record)),
        element("p", quality(record.quality)),
        element("p", choice(record)),
        [element("p", line) for line in components(record)],
        element("ul", [_legend(record, row) for row in range(record.k)]),
        element("h2", "Against everyone"),
        element(
            "p",
            "How far the mean of a cluster's members lies from everyone's, in standard deviations "
            "of everyone (orange above, blue below); the small number is the typical member's.",
        ),
        element("div", heatmap(record), class_="wide"),
        element("h2", "In two dimensions"),
        element(
            "p",
            f"The centers, and {len(record.users)} users, in the two principal components of the "
            "scaled features; the numbers beside features are correlations. Who is farther out "
            "is drawn at the edge.",
        ),
        element("div", scatter(record), class_="wide"),
        element("h2", "Typical members"),
        element("div", _members(record), class_="wide"),
        element("h2", "Versions"),
        element("div", _versions(history), class_="wide"),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}"


def _legend(record: ModelRecord, row: int) -> Markup:
    cluster = record.clusters[row]
    told = f": {cluster.description}" if cluster.description else ""
    box = element("rect", width=14, height=14, rx=3, class_=colour(row))
    return element(
        "li",
        element("svg", box, width=14, height=14, class_="swatch", aria_hidden="true"),
        f"{cluster.id} {cluster.name}, {cluster.share:.1%}: {marks(cluster, record)}{told}",
    )


def _members(record: ModelRecord) -> Markup:
    everyone = ["", "everyone", "100%", "", *(_values(record.everyone))]
    clusters = [
        [
            *(str(each.id), each.name, f"{each.share:.1%}", f"version {each.born}"),
            *_values(each.typical),
        ]
        for each in record.clusters
    ]
    caption = "Medians in the features' own units, of categories the share that has them"
    header = ["id", "cluster", "share", "since", *record.everyone]
    return _table(caption, header, [*clusters, everyone], texts=(1,))


def _versions(history: Sequence[ModelRecord]) -> Markup:
    rows = [
        [
            *(str(each.version), each.at, f"{each.learned:,}", f"{each.quality.silhouette:.3f}"),
            *(f"{each.quality.inertia:.4g}", f"{each.quality.stability:.1%}"),
            *(str(each.quality.dead), str(each.quality.duplicates), lineage(each.acts)),
        ]
        for each in reversed(history)
    ]
    header = ["version", "at", "learned", "silhouette", "inertia", "stability"]
    more = ["dead", "duplicates", "what became of clusters"]
    return _table("Newest first", [*header, *more], rows, texts=(1, 8))


def _table(
    caption: str, header: Iterable[str], rows: Iterable[Sequence[str]], texts: Sequence[int]
) -> Markup:
    """A table whose rows are headed by their first column; those of `texts` are no numbers."""
    classes = {at: {"class_": "text"} for at in texts}
    heads = [
        element("th", each, scope="col", **classes.get(at, {})) for at, each in enumerate(header)
    ]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            [element("td", each, **classes.get(at, {})) for at, each in enumerate(row) if at],
        )
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", heads)),
        element("tbody", lines),
    )


def _values(numbers: dict[str, float | None]) -> list[str]:
    return [value(name, number) for name, number in numbers.items()]
