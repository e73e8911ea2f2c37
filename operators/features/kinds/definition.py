"""A feature as it is written: values of options, of which its kind says what they may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from operators.base.errors import Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Option(Generic[T]):
    """A name that a feature may have a value of type `T` for; so is its kind.

    `type` is `T` as msgspec has it. `missing` is what is expected where a kind takes the option and
    has no value; None if it can do without. One that is `shown` says how state is shown, and
    nothing of what is in it. `spans` if the value says how far back the feature reaches.
    """

    name: str
    type: Any
    missing: str | None = None
    shown: bool = False
    spans: bool = False

    def problems(self, path: str, value: T | None, feature: Definition) -> Iterator[Problem]:
        """What is wrong with a value, None where there is none; `path` is the option's."""
        if value is not None:
            yield from self.problems_of_value(path, value, feature)
        elif self.missing is not None:
            yield Problem(path, self.missing)

    def problems_of_value(self, path: str, value: T, feature: Definition) -> Iterator[Problem]:
        """What is wrong with a value that is given."""
        yield from ()

    def event_types(self, value: T) -> Sequence[str]:
        """The event types that a value names, which have to be told apart."""
        return ()


@dataclass(frozen=True)
class Definition:
    """The options that a feature's kind takes, its own first, and the values that are given.

    There may be values of others: that is a mistake, which `checks.problems` finds.
    """

    options: tuple[Option[Any], ...]
    given: Mapping[str, Any]

    @property
    def value(self) -> Any:
        """What the feature is of: the value that its kind's name has."""
        return self.given[self.options[0].name]

    def get(self, option: Option[T]) -> T | None:
        """The value of an option, None if none is given."""
        return self.given.get(option.name)

    @property
    def known_types(self) -> Iterator[str]:
        """The event types that the feature has to tell apart."""
        for option in self.options:
            value = self.get(option)
            if value is not None:
                yield from option.event_types(value)

    @property
    def span_text(self) -> str | None:
        """How far back the feature reaches, as written."""
        return next((self.given[x.name] for x in self.options if x.spans and self.get(x)), None)
