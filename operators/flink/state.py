"""A journal's state in Flink, for the operators that keep users in lanes."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from pyflink.common import Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

from operators.flink.metrics import MemoryMetrics
from operators.pages.journal import Journal
from operators.pages.table import NOTHING_HELD, Held, UserTable


class LaneState:
    """State of one lane, the current key: the head, the images of the pages, and the log.

    Layout: bytes, as `operators.pages.journal` writes them. Written by one operator after each
    batch, so that it is complete when `process_element` returns. Users in it die as the operator
    says; the head lives as long as the job.
    """

    def __init__(self, context: RuntimeContext, name: str) -> None:
        bytes_ = Types.PICKLED_BYTE_ARRAY()
        self._head = context.get_state(ValueStateDescriptor(f"{name}-head", bytes_))
        self._pages = context.get_map_state(
            MapStateDescriptor(f"{name}-pages", Types.INT(), bytes_)
        )
        self._log = context.get_list_state(ListStateDescriptor(f"{name}-log", bytes_))
        self._metrics = MemoryMetrics(context.get_metrics_group())
        self._held = WeakKeyDictionary[UserTable, Held]()  # as it was told

    def restore(self, journal: Journal) -> None:
        """Fill a journal's empty table with what the current lane's state holds."""
        if journal.restore(self._head.value(), self._pages.values(), self._log.get()):
            self.compact(journal)

    def commit(self, journal: Journal) -> None:
        """Write what the batch changed."""
        head = journal.first_head()
        if head is not None:
            self._head.update(head)
        self._log.add(journal.commit())
        self._tell_held(journal.table)

    def compact(self, journal: Journal) -> None:
        """Fold the log into the images."""
        compaction = journal.compact()
        for page, image in compaction.pages.items():
            self._pages.put(page, image)
        self._head.update(compaction.head)
        self._log.clear()
        journal.table.pass_by(journal.table.rows())

    def _tell_held(self, table: UserTable) -> None:
        before, now = self._held.get(table, NOTHING_HELD), table.held()
        if before != now:
            self._held[table] = now
            bytes_ = sum(each.bytes for each in self._held.values())
            dropped, loaded = now.dropped - before.dropped, now.loaded - before.loaded
            self._metrics.held(bytes_, dropped, loaded)
