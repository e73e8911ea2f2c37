"""`flockwise clusters` over an output folder: what it lists, shows, draws and refuses."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.picture.page import page
from flink_job.queries.described import axis, deviations, lineage, marks, value
from flink_job.queries.models import histories
from operators.base.errors import FlockwiseError, UsageError
from operators.clustering.clusters import Act, Quality
from operators.clustering.record import Axis, ClusterRecord, ModelRecord
from operators.contracts.records import encode
from operators.learn import keyed

NASTY: Final = "<script>alert('ü')</script> & \"more\""
TENTH_OF_NOVEMBER: Final = "2026-11-10T00:00:{:02}.000000Z"


def cluster(
    id_: int, name: str, views: float, spend: float | None, x: float, description: str = ""
) -> ClusterRecord:
    return ClusterRecord(
        id=id_,
        name=name,
        share=0.5,
        born=1,
        outlier_beyond=1.5,
        marks=("many views",),
        description=description,
        typical={"views": views, "spend": spend, "device=mobile": 0.25},
        standardised={"views": views / 10, "spend": None, "device=mobile": -0.04},
        place=(x, 0.5),
    )


def record(version: int, *acts: Act, model: str = "shoppers", second: int = 0) -> ModelRecord:
    return ModelRecord(
        model=model,
        version=version,
        at=TENTH_OF_NOVEMBER.format(second or version),
        learned=500 * version,
        river="0.23.0",
        k=2,
        clusters=(cluster(3, NASTY, 12.0, 1_234.5, -1.0), cluster(7, "quiet", -3.0, None, 1.0)),
        acts=acts,
        quality=Quality(inertia=0.25, silhouette=0.4, stability=0.987, dead=0, duplicates=1),
        everyone={"views": 2.0, "spend": 10.0, "device=mobile": 0.25},
        axes=(Axis(0.625, {"views": 0.9, "spend": None, "device=mobile": -0.95}), Axis(0.0, {})),
        users=((3, -1.5, 0.25), (7, 0.75, 0.5), (7, 900.0, 0.5)),
    )


FIRST: Final = record(1, Act("born", 3), Act("born", 7))
SECOND: Final = record(2, Act("split", 7, (3,)), Act("merged", 5, (3,)), Act("died", 4))


def configured(folder: Path, *records: ModelRecord, clusters: bool = True) -> Path:
    """A configuration over files whose run has published these."""
    config: dict[str, Any] = {
        "source": {"files": {"paths": ["events.csv"]}},
        "output": {"folder": "out"},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {},
        "clusters": {"shoppers": {"k": 2, "features": ["views"]}} if clusters else {},
    }
    path = folder / "shop.yaml"
    path.write_bytes(msgspec.json.encode(config))
    models = folder / "out" / "models"
    models.mkdir(parents=True)
    for at, each in enumerate(records):
        (models / f"part-{9 - at}").write_bytes(encode(each) + b"\n")
    (models / ".part-1.inprogress").write_bytes(encode(record(99)))
    return path


def shown(path: Path, command: str, *words: str) -> str:
    done = CliRunner().invoke(app, ["clusters", command, str(path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(path: Path, command: str, *words: str) -> str:
    done = CliRunner().invoke(app, ["clusters", command, str(path), *words])
    assert isinstance(done.exception, FlockwiseError), done.output
    kind = 2 if isinstance(done.exception, UsageError) else 1
    return f"{kind}: {done.exception}"


def test_list_shows_the_newest_version_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    listed = shown(configured(tmp_path, FIRST, SECOND), "list").splitlines()
    assert listed[0].split()[:4] == ["id", "name", "share", "since"]
    assert "50.0%" in listed[1]
    assert listed[1].endswith("version 1  views 12 (2)")
    assert listed[2].startswith("7   quiet")
    assert listed[3].startswith("shoppers, version 2, 2026-11-10T00:00:02.000000Z, 1,000 profiles")
    assert "silhouette 0.400, inertia 0.25, stability 98.7%, 0 dead, 1 duplicates" in listed[3]


def test_programs_get_records(tmp_path: Path) -> None:
    path = configured(tmp_path, FIRST, SECOND)
    (line,) = shown(path, "list", "--json").splitlines()
    assert json.loads(line) == json.loads(encode(SECOND))
    versions = [json.loads(line)["version"] for line in shown(path, "show", "--json").splitlines()]
    assert versions == [1, 2]
    (line,) = shown(path, "show", "--json", "--version", "1").splitlines()
    assert json.loads(line)["version"] == 1


def test_show_tells_versions_with_lineage_and_typical_members(tmp_path: Path) -> None:
    lines = shown(configured(tmp_path, FIRST, SECOND), "show").splitlines()
    assert lines[1].endswith("98.7%      3, 7 born")
    assert lines[2].endswith("98.7%      4 died; 7 split from 3; 5 merged with 3")
    assert lines[4].split() == ["typical", "member", "everyone", "cluster", "3", "cluster", "7"]
    assert lines[5].split() == ["views", "2", "12", "-3"]
    assert lines[6].split() == ["spend", "10", "1,234", "unknown"]
    assert lines[7].split() == ["device=mobile", "25%", "25%", "25%"]


def test_the_choice_of_k_and_what_people_wrote_are_told(tmp_path: Path) -> None:
    chosen = msgspec.structs.replace(
        FIRST,
        curve=((2, 0.31), (3, 0.4)),
        clusters=(cluster(3, "Buyers", 12.0, 0.0, -1.0, "Ask them back."), *FIRST.clusters[1:]),
    )
    path = configured(tmp_path, chosen)
    told = "the silhouettes of each number of clusters that was tried: 2 0.310, 3 0.400"
    assert shown(path, "show").splitlines()[-1] == told
    drawn = page(chosen, [chosen])
    assert told in drawn
    assert "Ask them back." in drawn
    assert any(line.endswith("Ask them back.") for line in shown(path, "list").splitlines())


def test_principal_components_are_told_with_what_they_explain(tmp_path: Path) -> None:
    loadings = {"views": 0.9, "spend": None, "device=mobile": -0.95}
    turned = msgspec.structs.replace(FIRST, pca=(Axis(0.7, loadings), Axis(0.125, {"views": 0.2})))
    told = [
        "clustered by 2 principal components, 82.5% of the variance:",
        "1. component, 70.0% of the variance: device=mobile -0.95, views +0.90",
        "2. component, 12.5% of the variance: views +0.20",
    ]
    assert shown(configured(tmp_path, turned), "show").splitlines()[-3:] == told
    assert Page(page(turned, [turned])).texts("p")[3:6] == told
    assert not any("clustered by" in text for text in DRAWN.texts("p"))


def test_of_several_models_one_is_asked_for(tmp_path: Path) -> None:
    path = configured(tmp_path, FIRST, record(4, model="buyers"))
    assert shown(path, "list").count("profiles learned") == 2
    assert "buyers, version 4" in shown(path, "list", "--model", "buyers")
    assert refused(path, "show") == "2: --model: which one? There are shoppers, buyers"
    assert "did you mean 'buyers'?" in refused(path, "show", "--model", "buyer")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    path = configured(tmp_path, FIRST, SECOND)
    assert refused(path, "show", "--version", "9") == (
        "2: --version: there is no version 9 of 'shoppers'; there are 1 to 2"
    )
    nowhere = str(tmp_path / "nowhere" / "c.html")
    assert refused(path, "show", "--html", nowhere).startswith(f"2: --html: {nowhere} can't be wri")


def test_before_the_first_version_that_is_said(tmp_path: Path) -> None:
    path = configured(tmp_path)
    assert refused(path, "list").startswith("1: no version of a cluster model is published yet")
    (tmp_path / "other").mkdir()
    without = configured(tmp_path / "other", clusters=False)
    assert refused(without, "list").startswith("2: clusters: this configuration has none")


def test_a_version_that_is_told_twice_is_one_and_what_is_no_record_is_passed_over() -> None:
    said = [FIRST, SECOND, record(2, second=3), record(3, second=4)]
    words = [(None, encode(each)) for each in said]
    gone = [(b"shoppers/9", encode(record(9))), (b"shoppers/9", None)]
    found = histories([*gone, (None, b"garbage"), (None, b"\xff"), *words])
    assert [each.version for each in found["shoppers"]] == [1, 2, 3]
    assert found["shoppers"][1].at == TENTH_OF_NOVEMBER.format(3)


@pytest.mark.parametrize(
    ("versions", "left"), [([5, 6, 7, 1, 2], [1, 2]), ([1, 2, 3, 6, 7, 4], [1, 2, 3, 4])]
)
def test_of_a_run_that_went_on_from_before_nothing_later_is_left(
    versions: list[int], left: list[int]
) -> None:
    said = [(None, encode(record(v, second=at))) for at, v in enumerate(versions, 1)]
    assert [each.version for each in histories(said)["shoppers"]] == left


def test_the_newest_hundred_versions_are_kept() -> None:
    ((key, value),) = keyed(record(100, second=1))
    assert (key, value) == (b"shoppers/100", encode(record(100, second=1)))
    (key, _), tombstone = keyed(record(101, second=1))
    assert (key, tombstone) == (b"shoppers/101", (b"shoppers/1", None))


def test_numbers_are_told_as_people_write_them() -> None:
    assert [value("views", each) for each in (None, 0.0, 12.0, 0.12345, 1_234_567.8)] == [
        *("unknown", "0", "12", "0.1235", "1,234,568")
    ]
    assert value("device=mobile", 0.256) == "26%"
    assert [deviations(each) for each in (None, 1.25, -0.04)] == ["–", "+1.2", "+0.0"]
    assert marks(SECOND.clusters[0], SECOND) == "views 12 (2)"
    alike = msgspec.structs.replace(SECOND.clusters[0], typical=SECOND.everyone)
    assert marks(alike, SECOND).startswith("on average views +")
    same = msgspec.structs.replace(alike, standardised=dict.fromkeys(alike.standardised, 0.04))
    assert marks(same, SECOND) == "less than 0.1 standard deviations from everyone in each feature"
    assert lineage([]) == "all kept"
    first, second = SECOND.axes
    told = "First component, 62.5% of the variance: device=mobile -0.95, views +0.90"
    assert axis(first, "First") == told
    assert axis(second, "Second") == "Second component, 0.0% of the variance"


class Page(HTMLParser):
    """The elements of a page, with their attributes and the text right in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag != "meta":
            self._open.append((tag, self.elements[-1][2]))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][1].append(data)

    def texts(self, tag: str, class_: str | None = None) -> list[str]:
        return ["".join(text) for _, text in self._found(tag, class_)]

    def attributes(self, tag: str, class_: str) -> list[dict[str, str | None]]:
        return [attributes for attributes, _ in self._found(tag, class_)]

    def _found(self, tag: str, class_: str | None) -> list[tuple[dict[str, str | None], list[str]]]:
        return [
            (attributes, text)
            for found, attributes, text in self.elements
            if found == tag
            and (class_ is None or class_ in (attributes.get("class") or "").split())
        ]


DRAWN: Final = Page(page(SECOND, [FIRST, SECOND]))


def test_names_are_texts_whatever_they_hold_and_nothing_is_loaded() -> None:
    assert not DRAWN.texts("script")
    assert any(NASTY in text for text in DRAWN.texts("li"))
    tags = {tag for tag, _, _ in DRAWN.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "a"})
    assert "http" not in page(SECOND, [SECOND]).replace("http-equiv", "")


def test_the_heat_map_has_every_value_as_text_colour_and_on_hover() -> None:
    texts = DRAWN.texts("text")
    assert [text for text in texts if text in {"+1.2", "-0.3", "–", "+0.0"}] == [
        *("+1.2", "–", "+0.0", "-0.3", "–", "+0.0")
    ]
    small = ["12", "1,234", "25%", "-3", "unknown", "25%"]
    assert DRAWN.texts("text", "small") == small
    (above,) = DRAWN.attributes("rect", "above")
    assert float(above["fill-opacity"] or 0) == pytest.approx(1.2 / 2.5 * 0.8, abs=0.01)
    assert len(DRAWN.attributes("rect", "below")) == 3
    assert (
        "quiet, views: typically -3 (everyone 2), mean -0.3 deviations from everyone's"
        in DRAWN.texts("title")
    )


def test_the_scatter_shows_users_and_centers_to_one_scale() -> None:
    left, right = [
        (float(each["cx"] or 0), float(each["cy"] or 0))
        for each in DRAWN.attributes("circle", "center")
    ]
    users = [
        (float(each["cx"] or 0), float(each["cy"] or 0))
        for each in DRAWN.attributes("circle", "user")
    ]
    assert left[1] == right[1]
    step = (right[0] - left[0]) / 2  # the centers are 2 apart
    assert users[0] == pytest.approx((left[0] - 0.5 * step, left[1] + 0.25 * step), abs=0.5)
    assert users[1] == pytest.approx((right[0] - 0.25 * step, right[1]), abs=0.5)
    texts = DRAWN.texts("text")
    assert "→ First component, 62.5% of the variance: device=mobile -0.95, views +0.90" in texts
    assert "↑ Second component, 0.0% of the variance" in texts
    assert DRAWN.texts("text", "id") == ["3", "7"]


def test_who_is_far_out_is_drawn_at_the_edge() -> None:
    crowd = tuple((3, at / 200, 0.5) for at in range(-200, 200))
    drawn = Page(page(msgspec.structs.replace(SECOND, users=(*crowd, (7, 900.0, 0.5))), [SECOND]))
    at = [float(each["cx"] or 0) for each in drawn.attributes("circle", "user")]
    (frame,) = drawn.attributes("rect", "frame")
    assert 0 < min(at) < max(at) == at[-1] < float(frame["width"] or 0)
    assert all(one < other for one, other in pairwise(at[:400]))


def test_one_place_for_everyone_is_drawn_in_the_middle() -> None:
    same = [msgspec.structs.replace(each, place=(0.5, 0.5)) for each in SECOND.clusters]
    alone = msgspec.structs.replace(SECOND, clusters=tuple(same), users=())
    first, second = Page(page(alone, [alone])).attributes("circle", "center")
    assert (first["cx"], first["cy"]) == (second["cx"], second["cy"]) == ("430", "284")


def test_the_same_stands_in_tables() -> None:
    assert DRAWN.texts("caption") == [
        "Medians in the features' own units, of categories the share that has them",
        "Newest first",
    ]
    headers = DRAWN.texts("th")
    assert headers[:7] == ["id", "cluster", "share", "since", "views", "spend", "device=mobile"]
    cells = DRAWN.texts("td")
    assert cells[:6] == [NASTY, "50.0%", "version 1", "12", "1,234", "25%"]
    assert "4 died; 7 split from 3; 5 merged with 3" in cells
    scopes = [attributes["scope"] for tag, attributes, _ in DRAWN.elements if tag == "th"]
    assert scopes.count("row") == 5  # two clusters, everyone, two versions
