"""The passages of a subtask's lanes, and what is kept of them beyond an attempt."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from pyflink.common import Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.base.arrays import Rows
from operators.base.moments import now_us
from operators.contracts.control.messages import Message
from operators.contracts.control.passage import JobRules, KnownRules, Passage
from operators.contracts.wire import encode, read_message
from operators.features.profiles import Profiles

_LOOKED: Final = 4_096  # users a step of a look at everyone: some 100 ms, in which no event is read
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


class Passages:
    """For each lane, the current key, the way of Steer's messages through Profile to Assign."""

    def __init__(self, runtime_context: RuntimeContext, rules: JobRules) -> None:
        self._rules = rules
        self._lanes: dict[int, Passage] = {}
        self._kept: dict[int, KnownRules | None] = {}
        self._state = runtime_context.get_state(
            ValueStateDescriptor("profile-rules", Types.PICKLED_BYTE_ARRAY())
        )

    def open(self, profiles: Profiles, ctx: Any) -> None:
        """Go on with what a lane is known to be judged by."""
        lane, stored = ctx.get_current_key(), self._state.value()
        kept = None if stored is None else _decode(stored)
        passage = self._lanes[lane] = Passage(self._rules, profiles, kept)
        self._kept[lane] = passage.known if passage.known == kept else kept
        self.keep(ctx)

    def take(self, message: bytes, ctx: Any) -> None:
        """A message has come."""
        self._lanes[ctx.get_current_key()].take(read_message(message))

    def step(self, ctx: Any) -> tuple[Rows, list[Message]]:
        """Who is to be looked at now, and the messages that go on behind them; then `keep` it."""
        passage = self._lanes[ctx.get_current_key()]
        return passage.step(_LOOKED) if passage.waits else (_NOBODY, [])

    def keep(self, ctx: Any) -> None:
        """Write what has changed, and come again if a look is under way."""
        lane = ctx.get_current_key()
        passage = self._lanes[lane]
        if passage.known is not self._kept[lane]:
            self._kept[lane] = passage.known
            self._state.update(encode(passage.known))
        if passage.waits:
            ctx.timer_service().register_processing_time_timer(now_us() // 1_000 + 1)


_decode: Final = msgspec.msgpack.Decoder(KnownRules).decode
