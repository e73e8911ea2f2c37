"""The servers that the jobs of a plan need, to be watched while they run, and the jobs' lags."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.plan import Plan
from flink_job.runtime.outages import PROBE_WITHIN_S, WatchedServer
from flink_job.stores.base import Store

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

    from flink_job.kafka_client.lag import Lag

LagOf = Literal["events", "store"]

_WITHIN_MS: Final = round(PROBE_WITHIN_S * 1_000)


@dataclass
class Lags:
    """How many records the jobs have not read, as far as that is known.

    Of `events` those that `segment` has yet to read, of `store` those of the changelog that
    `upsert` has yet to bring into the store.
    """

    events: int | None = None
    store: int | None = None


class WatchedKafka:
    """A Kafka, and how far jobs are behind what is there."""

    meanwhile = "nothing is lost; the job waits, and is restarted if that takes minutes"
    afterwards = "the job goes on by itself within a minute"

    def __init__(self, broker: Broker, lags: Lags) -> None:
        self.name = f"Kafka at {broker.bootstrap}"
        self._broker = broker
        self._lags = lags
        self._readings: dict[LagOf, Lag] = {}
        self._open = ExitStack()
        self._client: KafkaAdminClient | None = None

    def reading(self, which: LagOf, lag: Lag) -> None:
        """Have a lag looked at with each probe."""
        self._readings[which] = lag

    def probe(self) -> None:
        try:
            if self._client is None:
                self._client = self._open.enter_context(kafka.admin(self._broker, _WITHIN_MS))
            self._client.describe_cluster()
            for which, lag in self._readings.items():
                setattr(self._lags, which, lag.records(self._client))
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        self._client = None
        self._open.close()


class WatchedStore:
    """The server of a store."""

    meanwhile = "nothing is lost; segmentation goes on, and the store catches up once it is back"
    afterwards = "it catches up"

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store

    def probe(self) -> None:
        self._store.probe(PROBE_WITHIN_S)

    def close(self) -> None:
        self._store.close()


@dataclass(frozen=True)
class Servers:
    """The servers of a run, and the lags that are looked at when they are probed."""

    watched: tuple[WatchedServer, ...]
    lags: Lags = field(default_factory=Lags)


def servers_of(plan: Plan, *, segment: bool) -> Servers:
    """Those of a plan's run, which has a `segment` job; or of `upsert` alone.

    Raises:
        UsageError: an environment variable is not set.
    """
    lags = Lags()
    brokers: dict[Broker, WatchedKafka] = {}
    if segment:
        _events(plan, brokers, lags)
    _changelog(plan, brokers, lags)
    open_store = plan.store()
    store = None if open_store is None else open_store()
    stores = (WatchedStore(store.server, store),) if store is not None and store.server else ()
    return Servers((*brokers.values(), *stores), lags)


def _events(plan: Plan, brokers: dict[Broker, WatchedKafka], lags: Lags) -> None:
    source, broker = plan.config.source.kafka, plan.kafka.input_broker()
    if source is None or broker is None:
        return
    from flink_job.kafka_client.lag import Lag, Reading  # noqa: PLC0415 - with kafka-python

    group = plan.kafka.segment_group()
    reading = Reading(group, (source.topic,), earliest=source.start == "earliest")
    _server(brokers, broker, lags).reading("events", Lag(broker, reading))


def _changelog(plan: Plan, brokers: dict[Broker, WatchedKafka], lags: Lags) -> None:
    broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
    if broker is None:
        return
    server = _server(brokers, broker, lags)
    if plan.config.store is not None:
        from flink_job.kafka_client.lag import Lag, Reading  # noqa: PLC0415 - with kafka-python

        group = plan.kafka.upsert_group()
        reading = Reading(group, topics.changelog(), earliest=True, ends=1)
        server.reading("store", Lag(broker, reading))


def _server(brokers: dict[Broker, WatchedKafka], broker: Broker, lags: Lags) -> WatchedKafka:
    return brokers.setdefault(broker, WatchedKafka(broker, lags))
