"""A store as the job that owns it writes it: once it is another's, it is no longer written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flink_job.stores.base import Store, StoreOwner
from operators.base.errors import JobError
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import Change, Transition
from operators.contracts.store import StoreWriter

# So long a store may have been taken before its writer heeds that: a look costs a read.
_TRUSTED_S: Final = 1.0


@dataclass(frozen=True)
class OpenOwned:
    """Opens a store for its owner, where it is called."""

    open_store: Callable[[], Store]
    owner: StoreOwner

    def __call__(self) -> StoreWriter:
        """Open it; it connects at its first use."""
        return OwnedStore(self.open_store(), self.owner)


class OwnedStore(StoreWriter):
    """Writes a store as long as it is its owner's: another job may take it meanwhile.

    That it was is trusted for `trusted_s` seconds.
    """

    def __init__(self, store: Store, owner: StoreOwner, trusted_s: float = _TRUSTED_S) -> None:
        self._store = store
        self._owner = owner
        self._trusted_s = trusted_s
        self._look_s = 0.0

    def apply(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> None:
        """Write records, as `StoreWriter` says.

        Raises:
            JobError: the store is another job's by now.
            StoreError: it can't be reached or refused a write.
        """
        if time.monotonic() >= self._look_s:
            self._check_owner()
            self._look_s = time.monotonic() + self._trusted_s
        self._store.apply(changes, transitions, outcomes)

    def close(self) -> None:
        self._store.close()

    def _check_owner(self) -> None:
        found = self._store.owner()
        if found is None or not found.is_same(self._owner):
            now = "nobody's" if found is None else f"that of '{found.job}' ({found.changelog})"
            raise JobError(f"store: it is no longer that of '{self._owner.job}', it is {now}")
