"""A store is a view of one changelog: it belongs to the job that writes that, and to no other.

Rows do not say whose they are, since the rows of two jobs in one store are of use to neither:
each user has one assignment, and every reader would have to say which job's it means.
"""

from __future__ import annotations

from flink_job.stores.base import Store, StoreOwner
from operators.base.errors import UsageError


def own(store: Store, owner: StoreOwner, *, fresh: bool) -> None:
    """Make sure that a store is a job's; one without users is free to be anybody's.

    With `fresh` it may hold what the same job wrote by another changelog, which is then to go.

    Raises:
        UsageError: it is another's.
        StoreError: the store can't be reached or refused a write.
    """
    before = store.owner()
    if before is not None and before.is_same(owner):
        return
    free = before is None or next(store.assignments(), None) is None
    if free or (fresh and before is not None and before.job == owner.job):
        if store.give_to(owner, before):
            return
        before = store.owner()
    if before is not None and not before.is_same(owner):
        raise UsageError(_refusal(before, owner))


def _refusal(before: StoreOwner, owner: StoreOwner) -> str:
    if before.job == owner.job:
        return (
            f"store: it holds what '{before.job}' wrote by another changelog ({before.changelog}, "
            f"since {before.since}): --fresh empties it and begins anew"
        )
    return (
        f"store: it belongs to the job '{before.job}' ({before.changelog}, since {before.since}): "
        "give this configuration a store of its own, or that name"
    )
