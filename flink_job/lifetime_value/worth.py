"""What customers will be worth over a time to come, one by one and by segment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np

from flink_job.lifetime_value import bg_nbd, gamma_gamma
from flink_job.lifetime_value.customers import Customers
from flink_job.lifetime_value.likelihood import Estimates
from operators.base.arrays import Floats, Mask

EVERYONE: Final = "all customers"
_RELATED: Final = 0.3  # a correlation that Gamma-Gamma should not have to bear


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of a model, and its standard error; null where that is not known."""

    value: float
    error: float | None


class ModelFitted(msgspec.Struct, frozen=True, tag_field="kind", tag="model"):
    """A model as it was fitted: `problem` says why it is not to be relied on, null if it is."""

    model: Literal["BG/NBD", "Gamma-Gamma"]
    customers: int
    parameters: dict[str, Parameter]
    log_likelihood: float
    problem: str | None


class CustomerWorth(msgspec.Struct, frozen=True, tag_field="kind", tag="customer"):
    """A customer: the probability of being one still, and what is expected within the horizon.

    `value` is the expected value of all purchases, null where purchases have no values.
    """

    customer: str
    alive: float
    purchases: float
    value: float | None


class SegmentWorth(msgspec.Struct, frozen=True, tag_field="kind", tag="worth"):
    """Customers of a segment together; the last is everyone. Numbers are of a customer."""

    segment: str
    customers: int
    alive: float
    purchases: float
    value: float | None
    total_value: float | None


@dataclass(frozen=True)
class Worth:
    """Models, and what they say of n customers, float64[n] each."""

    customers: Customers
    models: list[ModelFitted]
    alive: Floats
    purchases: Floats
    value: Floats | None

    def each(self) -> Iterator[CustomerWorth]:
        """One customer after the other."""
        values = [None] * len(self.customers) if self.value is None else self.value.tolist()
        columns = (self.alive.tolist(), self.purchases.tolist(), values)
        for name, *numbers in zip(self.customers.names, *columns, strict=True):
            yield CustomerWorth(name, *numbers)

    def by_segment(self, members: Mapping[str, Collection[str]]) -> list[SegmentWorth]:
        """The customers of each segment together, and at last everyone."""
        names = self.customers.names
        told = [
            self._together(segment, np.array([name in users for name in names], np.bool_))
            for segment, users in members.items()
        ]
        return [*told, self._together(EVERYONE, np.ones(len(names), np.bool_))]

    def _together(self, segment: str, chosen: Mask) -> SegmentWorth:
        def mean(column: Floats) -> float:
            return float(column[chosen].mean()) if np.any(chosen) else 0.0

        return SegmentWorth(
            *(segment, int(chosen.sum()), mean(self.alive), mean(self.purchases)),
            None if self.value is None else mean(self.value),
            None if self.value is None else float(self.value[chosen].sum()),
        )


def worth(customers: Customers, horizon: float) -> Worth:
    """Fit both models, and look so far ahead, in the unit of the customers' times."""
    purchasing, estimates = bg_nbd.fit(customers)
    models = [_told("BG/NBD", bg_nbd.PARAMETERS, estimates, len(customers))]
    purchases, value = purchasing.expected(customers, horizon), None
    if np.any(customers.repeating):
        paying, paid = gamma_gamma.fit(customers)
        repeating = int(customers.repeating.sum())
        told = _told("Gamma-Gamma", gamma_gamma.PARAMETERS, paid, repeating)
        if told.problem is None and (related := _correlation(customers)) > _RELATED:
            problem = f"what customers pay goes with how often they buy (correlation {related:.2f})"
            told = msgspec.structs.replace(told, problem=problem)
        models.append(told)
        value = purchases * paying.expected(customers)
    return Worth(customers, models, purchasing.alive(customers), purchases, value)


def _told(
    model: Literal["BG/NBD", "Gamma-Gamma"],
    names: Sequence[str],
    estimates: Estimates,
    customers: int,
) -> ModelFitted:
    parameters = {
        name: Parameter(value, error if np.isfinite(error) else None)
        for name, value, error in zip(
            names, estimates.values.tolist(), estimates.errors.tolist(), strict=True
        )
    }
    return ModelFitted(
        model, customers, parameters, float(estimates.log_likelihood), estimates.problem
    )


def _correlation(customers: Customers) -> float:
    """How much the value of purchases goes with their number, of who has bought again."""
    told = customers.where(customers.repeating)
    varies = len(told) > 2 and np.ptp(told.frequency) > 0 and np.ptp(told.monetary_value) > 0
    return abs(float(np.corrcoef(told.frequency, told.monetary_value)[0, 1])) if varies else 0.0
