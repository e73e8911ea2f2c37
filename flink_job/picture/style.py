"""How the page looks, in the light and in the dark."""

from __future__ import annotations

from typing import Final

# Tol's bright scheme, which people tell apart who see colours otherwise; then it begins again.
COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866")

STYLE: Final = (
    """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1d21; --faint: #5d646c;
  --line: #d5d9de; --above: #d9622b; --below: #3f7fd0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #eceff2; --faint: #a3abb4; --line: #3a4048; }
}
body { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif;
  margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.3rem; }
p { margin: 0.3rem 0; color: var(--faint); }
.wide { overflow-x: auto; }
svg { display: block; overflow: visible; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .small { font-size: 10px; }
.cell { stroke: var(--line); fill: none; }
.above { fill: var(--above); }
.below { fill: var(--below); }
.frame { fill: none; stroke: var(--line); }
.user { fill-opacity: 0.65; }
.center { stroke: var(--paper); stroke-width: 2; }
svg .id { fill: #fff; font-weight: 700; paint-order: stroke; stroke: #333; stroke-width: 2px; }
ul { list-style: none; padding: 0; }
.swatch { vertical-align: -2px; display: inline-block; margin-right: 0.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); }
th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.7rem 0.2rem 0; text-align: right; }
th[scope=row], .text { text-align: left; }
th { font-weight: 600; }
"""
    + "\n".join(f".c{at} {{ fill: {colour}; }}" for at, colour in enumerate(COLOURS))
    + "\n"
)


def colour(row: int) -> str:
    """The class that colours the cluster in a row of the model."""
    return f"c{row % len(COLOURS)}"
