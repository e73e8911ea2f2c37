"""A real Kafka broker and a real Cassandra node as native processes, for one laptop."""

from flink_job.stack.access import CassandraAccess, Stack
from flink_job.stack.lifecycle import PARTS, PartStatus, down, find, keyspace, status, up

__all__ = [
    "PARTS",
    "CassandraAccess",
    "PartStatus",
    "Stack",
    "down",
    "find",
    "keyspace",
    "status",
    "up",
]
