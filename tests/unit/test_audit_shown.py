"""`flockwise segments audit` over an output folder: what it tells, draws, proposes and refuses."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import load
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import encode
from tests.unit.audit_records import cohort, of_users

NASTY: Final = "<script>alert('ü')</script>"
REST: Final = of_users(50_000, 2_500)
RECORDS: Final = (
    cohort(NASTY, of_users(20_000, 4_000), REST, held_out=of_users(2_000, 200)),
    cohort("Viewers", of_users(30_000, 1_500), REST),
    cohort("Watchers", of_users(30_000, 1_510), REST),
    cohort("Few", of_users(20, 3), REST),
)
SEGMENTS: Final[dict[str, Any]] = {
    NASTY: {"when": "bought_7d > 0", "holdout": "10%"},
    "Viewers": {"when": "views > 3"},
    "Watchers": {"when": "views > 2"},
    "Few": {"when": "views > 99 AND in_segment('Watchers')"},
}


def configured(folder: Path, *records: OutcomeRecord, measures: bool = True) -> Path:
    """A configuration over files whose run has published these."""
    config: dict[str, Any] = {
        "source": {"files": {"paths": ["events.csv"]}},
        "output": {"folder": "out"},
        "features": {
            "views": {"count": "view", "window": "1h"},
            "bought_7d": {"count": "purchase", "window": "7d"},
        },
        "segments": SEGMENTS,
        "outcomes": {"purchase": {"event": "purchase", "value": "price"}} if measures else None,
    }
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in config.items() if v}, sort_keys=False))
    lines = folder / "out" / "outcomes"
    lines.mkdir(parents=True)
    (lines / "part-0").write_bytes(b"".join(encode(each) + b"\n" for each in records))
    return path


def shown(path: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["segments", "audit", str(path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(path: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["segments", "audit", str(path), *words])
    assert isinstance(done.exception, FlockwiseError), done.output
    kind = 2 if isinstance(done.exception, UsageError) else 1
    return f"{kind}: {done.exception}"


def line(text: str, *words: str) -> str:
    """The only line that has all of these."""
    (found,) = [each for each in text.splitlines() if all(word in each for word in words)]
    return " ".join(found.split())


def test_it_is_told_in_lines_with_units(tmp_path: Path) -> None:
    told = shown(configured(tmp_path, *RECORDS))
    assert told.splitlines()[0] == (
        "cohorts from the first to the newest; at 5.0%, corrected by Holm; the same is within 20%, "
        "or 80% of the users; of 100 users at least"
    )
    assert line(told, "Few").endswith("too few users to be compared")
    assert "20,000 20.00% (5.00%) 2 (0.5)" in line(told, NASTY, "20.00% (5.00%)")
    apart = line(told, NASTY, "everyone else", "conversion", "points")
    assert "+15.00 points +14.42 to +15.59" in apart
    assert "V 0.2" in apart
    assert apart.endswith("below 1e-15 by chi-squared by definition")
    lift = line(told, "of 20,000", "conversion")
    assert "+10.00 points" in lift
    assert "+100%" in lift
    assert lift.endswith("not to be trusted: the share held out is wrong")
    assert "9.09% of 22,000 users were held out, 10.00% should be: that is no chance" in told
    assert "Viewers: (views > 3) OR (views > 2); without Watchers" in line(told, "come to the same")
    assert not any(each.endswith("maybe chance") for each in told.splitlines())
    assert line(shown(tmp_path / "shop.yaml", "--all"), "Viewers", "Watchers", "points").endswith(
        "each without the other; maybe chance"
    )


def test_of_many_pairs_the_strongest_are_told(tmp_path: Path) -> None:
    many = [cohort(f"S{at}", of_users(5_000, 200 + 300 * at), REST) for at in range(8)]
    path = configured(tmp_path, *many)
    told = shown(path)
    assert "Of pairs of segments the 20 strongest are told; 36 more: --all" in told
    pairs = [each for each in told.splitlines() if "each without the other" in each]
    assert len(pairs) == 20
    assert all("everyone else" not in each for each in pairs)
    assert sum("each without the other" in each for each in shown(path, "--all").splitlines()) == 56


def test_programs_get_a_line_a_finding(tmp_path: Path) -> None:
    path = configured(tmp_path, *RECORDS)
    asked = ["--from", "2026-11-01", "--to", "2026-11-30", "--correction", "bh", "--margin", "0.3"]
    found = [json.loads(each) for each in shown(path, "--json", *asked).splitlines()]
    assert found[0]["first"] == "2026-11-01"
    assert (found[0]["correction"], found[0]["margin"]) == ("benjamini-hochberg", 0.3)
    assert {each["kind"] for each in found} == {
        *("question", "group", "difference", "lift", "ratio", "same"),
    }
    assert sum(each["kind"] == "difference" for each in found) == 12
    nobody = [
        json.loads(each)
        for each in shown(path, "--json", "--from", "2027-01-01").split("\n")
        if each
    ]
    assert [each["kind"] for each in nobody] == ["question"]


def test_a_proposal_is_a_configuration_that_can_be_previewed(tmp_path: Path) -> None:
    path = configured(tmp_path, *RECORDS)
    shown(path, "--proposal", str(tmp_path / "merged.yaml"))
    proposed = load(tmp_path / "merged.yaml")
    assert list(proposed.segments) == [NASTY, "Viewers", "Few"]
    assert proposed.segments["Viewers"].when == "(views > 3) OR (views > 2)"
    assert proposed.segments["Few"].when == "views > 99 AND in_segment('Viewers')"
    before = load(path)
    assert msgspec.structs.replace(proposed, segments=before.segments) == before


def test_a_proposal_stands_beside_its_configuration(tmp_path: Path) -> None:
    path = configured(tmp_path, *RECORDS)
    assert refused(path, "--proposal", str(path)).startswith("2: --proposal:")
    other = str(tmp_path / "elsewhere" / "merged.yaml")
    assert refused(path, "--proposal", other).startswith("2: --proposal: expected a file in")
    distinct = configured(folder_of(tmp_path, "other"), *RECORDS[:2])
    done = CliRunner().invoke(
        app, ["segments", "audit", str(distinct), "--proposal", str(distinct.parent / "m.yaml")]
    )
    assert done.exit_code == 0
    assert not (distinct.parent / "m.yaml").exists()


def folder_of(path: Path, name: str) -> Path:
    (path / name).mkdir()
    return path / name


def test_what_can_not_be_is_said_in_a_line(tmp_path: Path) -> None:
    path = configured(tmp_path, *RECORDS)
    assert refused(path, "--from", "yesterday") == (
        "2: --from: expected a day such as 2026-01-31, found 'yesterday'"
    )
    assert refused(path, "--correction", "none").startswith("2: --correction: expected holm or bh")
    nothing = configured(folder_of(tmp_path, "nothing"))
    assert refused(nothing).startswith("1: nothing is published of outcomes yet")
    unmeasured = configured(folder_of(tmp_path, "unmeasured"), *RECORDS, measures=False)
    assert refused(unmeasured).startswith("2: outcomes: this configuration measures none")


class Drawn(HTMLParser):
    """The elements of a page, all closed, with their attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_runs_nothing_and_loads_nothing_whatever_names_hold(tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    shown(configured(tmp_path, *RECORDS), "--html", str(page))
    text = page.read_text()
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    drawn = Drawn(text)
    assert not {"script", "link", "img", "iframe"} & set(drawn.tags)
    assert NASTY in drawn.text
    assert drawn.tags.count("svg") == 12 + 2  # an interval for each difference and each lift
    assert {"Segments", "Differences", "Within strata", "Held out", "The same"} <= set(drawn.text)


@pytest.mark.parametrize("option", ["--html", "--proposal"])
def test_a_file_that_can_not_be_written_is_told(tmp_path: Path, option: str) -> None:
    path = configured(tmp_path, *RECORDS)
    place = tmp_path / "taken"
    place.mkdir()
    assert f"2: {option}: " in refused(path, option, str(place))
