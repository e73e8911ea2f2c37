"""The table of a benchmark, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measuring import Measured
from tests.benchmarks.parts import PARTS, Part
from tests.benchmarks.room import Figure


def print_table(measured: Measured) -> None:
    """Each part that was asked for: its number, what is wanted, and what stands beside."""
    size = ", quick: sizes are too small to compare" if measured.quick else ""
    table = Table(title=f"flockwise{size}", box=None, title_justify="left")
    for column in ("part", "", "measured", "wanted", "beside"):
        table.add_column(column, justify="right" if column in {"measured", "wanted"} else "left")
    for key in measured.asked:
        part, figure = PARTS[key], measured.figures[key]
        table.add_row(key, part.what, _measured(part, figure), _wanted(part), _beside(figure))
    Console().print(table, highlight=False)


def _measured(part: Part, figure: Figure) -> str:
    if figure.value is None:
        return "-"
    met = figure.value < part.wanted if part.most else figure.value >= part.wanted
    return f"{figure.value:,.3g}{part.unit}{'' if met else ' !'}"


def _wanted(part: Part) -> str:
    return f"{'< ' if part.most else ''}{part.wanted:,g}{part.unit}"


def _beside(figure: Figure) -> str:
    if figure.value is None:
        return figure.why
    return ", ".join(f"{name} {number:,.4g}" for name, number in figure.beside.items())
