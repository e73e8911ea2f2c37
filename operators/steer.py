"""Steer: takes what the control topic says, and tells every lane, by way of Profile.

Key: one for all. State: what is `HeldVersion`. Replay:
after a restart the messages since the last checkpoint come again, and are taken or refused alike.
On a cluster it also says that the job is at work, in the topic of leases; and a job that another
start has ended fails here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.base.errors import JobError, UsageError
from operators.base.moments import iso_at, now_us
from operators.contracts.control.messages import Message, Segments, Started
from operators.contracts.control.versions import HeldVersion, Versions
from operators.contracts.leases import HEARTBEAT_US, Heartbeat, key
from operators.contracts.leases import encode as encode_lease
from operators.contracts.letters import dead_letter
from operators.contracts.records import encode as encode_record
from operators.contracts.wire import encode
from operators.events.decode import Rejected
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.flink.interpreter import set_up
from operators.flink.metrics import SteerMetrics
from operators.flink.streams import DEAD_LETTERS
from operators.settings import Settings, judged_columns

_LONGEST_DETAIL: Final = 4_000  # characters: a message may have thousands of mistakes


class Steer(KeyedProcessFunction):
    """Input: (message), the version that holds first. Output: a `wire` message for each lane."""

    def __init__(self, settings: Settings, lane_keys: Sequence[int]) -> None:
        self._settings = settings
        self._lane_keys = tuple(lane_keys)

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._metrics = SteerMetrics(runtime_context.get_metrics_group())
        self._versions: Versions | None = None
        self._state = runtime_context.get_state(
            ValueStateDescriptor("segments", Types.PICKLED_BYTE_ARRAY())
        )

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        raw = value[0]
        versions = self._at_hand()
        before = versions.held
        try:
            message = versions.take(raw)
        except UsageError as error:
            yield DEAD_LETTERS, self._letter(raw, str(error))
            return
        finally:
            if versions.held is not before:
                self._state.update(encode(versions.held))
        if isinstance(message, Started):
            self._check(message)
            self._set_timer(ctx)
            yield from self._tell(versions.held.segments)  # lanes of before may not know them
        if isinstance(message, Segments):
            self._metrics.version(message.version)
        yield from self._tell(message)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        lease = self._settings.lease
        if lease is not None and lease.cluster is not None:
            record = Heartbeat(lease.token, iso_at(now_us()))
            yield (
                DEAD_LETTERS,
                Row(self._settings.outputs.leases, key(record), encode_lease(record)),
            )
            self._set_timer(ctx)

    def _tell(self, message: Message) -> Iterator[Any]:
        told = encode(message)
        for lane in self._lane_keys:
            yield Row(lane, told)

    def _set_timer(self, ctx: Any) -> None:
        """Have the next heartbeat come; here the process that started the job has them."""
        lease = self._settings.lease
        if lease is not None and lease.cluster is not None:
            next_us = (now_us() // HEARTBEAT_US + 1) * HEARTBEAT_US
            ctx.timer_service().register_processing_time_timer(next_us // 1_000)

    def _check(self, started: Started) -> None:
        """Make sure that no later start of this job has ended it.

        Raises:
            JobError: one has.
        """
        lease = self._settings.lease
        if lease is not None and started.fence > lease.fence:
            raise JobError(f"a start of '{lease.name}' at {started.at} has ended this one")

    def _at_hand(self) -> Versions:
        """What holds by the state; before there is any, the version that the topic is read from."""
        if self._versions is None:
            stored = self._state.value()
            held = HeldVersion() if stored is None else _decode(stored)
            settings = self._settings
            self._versions = Versions(held, judged_columns(settings.features, settings.clusters))
        return self._versions

    def _letter(self, raw: bytes, detail: str) -> Row:
        outputs = self._settings.outputs
        self._metrics.refused()
        rejected = Rejected(0, Reason.BAD_CONTROL, detail[:_LONGEST_DETAIL])
        letter = dead_letter(rejected, NULL, raw, now_us(), outputs.most_letter_bytes)
        return Row(outputs.dead_letters, None, encode_record(letter))


_decode: Final = msgspec.msgpack.Decoder(HeldVersion).decode
