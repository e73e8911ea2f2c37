"""From the `store:` part of a configuration to the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from flink_job.config.store import CassandraSpec, SqliteSpec, StoreSpec
from flink_job.stores.base import Store

# The module whose `open_store` takes a spec and the environment. It is imported when such a store
# is opened: a driver takes as long as all the rest of a short command.
_MODULES: Final[Mapping[type[StoreSpec], str]] = {
    SqliteSpec: "flink_job.stores.sqlite",
    CassandraSpec: "flink_job.stores.cassandra_opening",
}


def open_store(spec: StoreSpec, environ: Mapping[str, str] = os.environ) -> Store:
    """The store of a spec that has no `problems`; it connects at its first use.

    Raises:
        UsageError: a variable is not set, or the file of certificates can't be read.
    """
    store: Store = import_module(_MODULES[type(spec)]).open_store(spec, environ)
    return store
