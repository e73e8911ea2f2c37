"""A cluster model of the end of a history, as the run that judges by it is given it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from operators.clustering.model import ClusterModel
from operators.clustering.record import ModelRecord


class FinalModel(msgspec.Struct, frozen=True):
    """A model by which everyone is judged: its name, itself in bytes, and its record."""

    name: str
    model: bytes
    record: ModelRecord


def models_of(given: Mapping[str, FinalModel]) -> dict[str, ClusterModel]:
    """The models themselves, by name."""
    return {name: ClusterModel.from_bytes(each.model) for name, each in given.items()}
