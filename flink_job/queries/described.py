"""What the record of a cluster model says, in a person's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from operators.clustering.clusters import Act, Quality
from operators.clustering.record import Axis, ClusterRecord, ModelRecord, Numbers

_MARKS: Final = 3  # dimensions that describe a cluster or an axis
_MARKED: Final = 0.1  # deviations from everyone, and correlations: less says nothing
_NEARLY: Final = "less than 0.1 standard deviations from everyone in each feature"


def title(record: ModelRecord) -> str:
    """Such as "shoppers, version 12, 2026-11-25T10:00:00.000000Z, 6,000 profiles learned"."""
    learned = f"{record.learned:,} profiles learned"
    return f"{record.model}, version {record.version}, {record.at}, {learned}"


def quality(found: Quality) -> str:
    """The quality of a version in a line."""
    return (
        f"silhouette {found.silhouette:.3f}, inertia {found.inertia:.4g}, "
        f"stability {found.stability:.1%}, {found.dead} dead, {found.duplicates} duplicates"
    )


def choice(record: ModelRecord) -> str:
    """How the number of clusters was chosen; empty where it was given."""
    tried = ", ".join(f"{k} {height:.3f}" for k, height in record.curve)
    return tried and f"the silhouettes of each number of clusters that was tried: {tried}"


def components(record: ModelRecord) -> list[str]:
    """The components that take the dimensions' place, a line each; none without `pca`."""
    total = sum(each.explained for each in record.pca)
    head = f"clustered by {len(record.pca)} principal components, {total:.1%} of the variance:"
    lines = [axis(each, f"{number}.") for number, each in enumerate(record.pca, 1)]
    return [head, *lines] if lines else []


def marks(cluster: ClusterRecord, record: ModelRecord) -> str:
    """What marks a cluster: the typical member, and everyone's in parentheses.

    Where a typical member is as everyone's, how far the mean is from everyone's.
    """
    strongest = _strongest(cluster.standardised)
    told = [
        f"{name} {typical} ({usual})"
        for name, _ in strongest
        if (typical := value(name, cluster.typical[name]))
        != (usual := value(name, record.everyone[name]))
    ]
    means = [f"on average {name} {_standardised(each)}" for name, each in strongest]
    return ", ".join((told or means)[:_MARKS]) or _NEARLY


def _standardised(number: float) -> str:
    return f"{number:+.1f} standard deviations from everyone's"


def axis(found: Axis, which: str) -> str:
    """A component with its number or place: what it explains, and what it goes with."""
    loadings = [f"{name} {each:+.2f}" for name, each in _strongest(found.loadings)]
    told = f": {', '.join(loadings[:_MARKS])}" if loadings else ""
    return f"{which} component, {found.explained:.1%} of the variance{told}"


def lineage(acts: Iterable[Act]) -> str:
    """What became of clusters in a version, such as "3 born; 5 split from 2; 1 died"."""
    acts = list(acts)
    return "; ".join(_acts(acts)) or "all kept"


def value(dimension: str, number: float | None) -> str:
    """A number of a dimension; of a category it is a share."""
    if number is None:
        return "unknown"
    if "=" in dimension:
        return f"{number:.0%}"
    return f"{number:,.0f}" if 1_000 <= abs(number) < 1e15 else f"{number:.4g}"


def deviations(number: float | None) -> str:
    """A standardised number, with its sign."""
    # Adding 0 makes 0 of -0.
    return "–" if number is None else f"{round(number, 1) + 0.0:+.1f}"


def _strongest(numbers: Numbers) -> list[tuple[str, float]]:
    known = [(name, each) for name, each in numbers.items() if each is not None]
    said = [(name, each) for name, each in known if abs(each) >= _MARKED]
    return sorted(said, key=lambda item: -abs(item[1]))


def _acts(acts: list[Act]) -> Iterator[str]:
    for kind in ("born", "died"):
        ids = [str(act.id) for act in acts if act.kind == kind]
        if ids:
            yield f"{', '.join(ids)} {kind}"
    for act in acts:
        others = ", ".join(map(str, act.others))
        if act.kind == "split":
            yield f"{act.id} split from {others}"
        elif act.kind == "merged":
            yield f"{act.id} merged with {others}"
