"""A store is a view of one changelog: it belongs to the job that writes that, and to no other.

Rows do not say whose they are, since the rows of two jobs in one store are of use to neither:
each user has one assignment, and every reader would have to say which job's it means.
"""

from __future__ import annotations

from flink_job.stores.base import Store, StoreOwner
from operators.base.errors import UsageError


def own(store: Store, owner: StoreOwner, *, take: bool) -> None:
    """Make sure that a store is a job's; one that never was anybody's becomes its.

    With `take` it is emptied and taken from whoever has it: only a person knows that they are gone.

    Raises:
        UsageError: it is another's.
        StoreError: the store can't be reached or refused a write.
    """
    before = store.owner()
    if before is not None and before.is_same(owner):
        return
    if before is None or take:
        if before is not None:
            store.empty()
        if store.give_to(owner, before):
            return
        before = store.owner()
    if before is not None and not before.is_same(owner):
        raise UsageError(_refusal(before, owner))


def _refusal(before: StoreOwner, owner: StoreOwner) -> str:
    whose = "another job" if before.job != owner.job else "another changelog of the job"
    return (
        f"store: it belongs to {whose} '{before.job}' ({before.changelog}, since {before.since}): "
        "give this configuration a store of its own; --take-store empties it and takes it, if that "
        "job is gone"
    )
