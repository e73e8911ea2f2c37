"""Elements of HTML and SVG as text; whatever is put into them is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already, and stays as it is."""

    __slots__ = ()


def element(name: str, *content: str | Iterable[Markup], **attributes: str | float) -> Markup:
    """An element. `class_` is the attribute `class`, and `text_anchor` is `text-anchor`."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(each))}"'
        for key, each in attributes.items()
    )
    return Markup(f"<{name}{told}>{''.join(map(_inside, content))}</{name}>")


def _inside(content: str | Iterable[Markup]) -> str:
    if isinstance(content, Markup):
        return content
    return escape(content) if isinstance(content, str) else "".join(content)


def _plain(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
