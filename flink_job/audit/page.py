"""An audit as one page of HTML, complete in itself: nothing is loaded and nothing runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flink_job.audit.findings import Audit
from flink_job.audit.sections import DrawnInterval, Section, asked, sections
from flink_job.picture.markup import Markup, element
from flink_job.picture.style import STYLE

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_WIDTH: Final = 160  # pixels, of a drawn interval
_HEIGHT: Final = 18
_EDGE: Final = 4
# Intervals in the colours of the pictures of clusters, which people tell apart who see others.
_MORE: Final = """
td, th { white-space: nowrap; }
.zero { stroke: var(--line); stroke-width: 1; }
.reach { stroke: var(--faint); stroke-width: 2; }
"""


def audit_page(audit: Audit, title: str) -> str:
    """All of an audit, also comparisons that found nothing."""
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        element("title", title),
        element("style", Markup(STYLE + _MORE)),
    )
    parts = [_section(each) for each in sections(audit, everything=True)]
    body = element("body", element("h1", title), element("p", asked(audit.question)), parts)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}"


def _section(section: Section) -> Markup:
    lines = [element("p", line) for line in section.about]
    table = element("div", _table(section), class_="wide") if section.rows else Markup("")
    return element("section", element("h2", section.title), lines, table)


def _table(section: Section) -> Markup:
    drawn = [_interval(each, _unit(each, section.spans)) for each in section.spans]
    header = [*section.header, *(["from less to more"] if drawn else [])]
    heads = [element("th", each, scope="col", class_="text") for each in header]
    lines = []
    for at, row in enumerate(section.rows):
        cells = [element("td", each, class_="text") for each in row[1:]]
        cells += [element("td", drawn[at])] if drawn else []
        lines.append(element("tr", element("th", row[0], scope="row"), cells))
    return element("table", element("thead", element("tr", heads)), element("tbody", lines))


def _unit(span: DrawnInterval, spans: Sequence[DrawnInterval]) -> float:
    """How far the intervals of the same measure reach from 0: what the whole width stands for."""
    alike = [each for each in spans if each.unit == span.unit]
    return max((abs(end) for each in alike for end in (each.low, each.high)), default=0.0) or 1.0


def _interval(span: DrawnInterval, unit: float) -> Markup:
    middle = _HEIGHT / 2
    side = "above" if span.middle > 0 else "below"
    return element(
        "svg",
        element(
            "title", f"{span.unit}: {span.middle:+.4g}, from {span.low:+.4g} to {span.high:+.4g}"
        ),
        element("line", x1=_x(0, unit), x2=_x(0, unit), y1=0, y2=_HEIGHT, class_="zero"),
        element(
            "line",
            **{"x1": _x(span.low, unit), "x2": _x(span.high, unit), "y1": middle, "y2": middle},
            class_="reach",
        ),
        element("circle", cx=_x(span.middle, unit), cy=middle, r=4, class_=side),
        role="img",
        width=_WIDTH,
        height=_HEIGHT,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
    )


def _x(value: float, unit: float) -> float:
    half = _WIDTH / 2
    return half + value / unit * (half - _EDGE)
