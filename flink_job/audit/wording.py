"""Numbers of an audit as people read them, with their units."""

from __future__ import annotations

from typing import Final

_LEAST_P: Final = 1e-15


def level(measure: str, number: float | None) -> str:
    """What a group comes to: such as "12.3%", or "4.57" a user."""
    if number is None:
        return "none"
    return f"{number:.2%}" if measure == "conversion" else f"{number:,.4g}"


def difference(measure: str, number: float) -> str:
    """Such as "+1.50 points", of shares in percent, or "+4.57"."""
    if measure == "conversion":
        return f"{100 * number:+.2f} points"
    return f"{number:+,.4g}"


def interval(measure: str, low: float, high: float) -> str:
    """Such as "+0.51 to +2.49"."""
    scale, form = (100, "+.2f") if measure == "conversion" else (1, "+,.4g")
    return f"{format(scale * low, form)} to {format(scale * high, form)}"


def relative(number: float | None) -> str:
    """A part of something, with its sign: "+12%"."""
    return "not known" if number is None else f"{number:+.0%}"


def what(outcome: str, measure: str) -> str:
    """Such as "purchase conversion" and "purchase per user"."""
    return f"{outcome} {'conversion' if measure == 'conversion' else 'per user'}"


def p_value(p: float) -> str:
    """Such as "0.0012", with two digits."""
    return "below 1e-15" if p < _LEAST_P else f"{p:.2g}"
