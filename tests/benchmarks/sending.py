"""Sends events at a rate, some of which move a user into a segment or out of it.

Each carries the moment at which it was sent into the features of the user's assignment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from kafka import KafkaProducer

SENT: Final = {
    "place": {"last": "place"},
    "sent_us": {"last": "sent_us", "type": "number"},
}
INSIDE: Final = {"Inside": {"when": "place = 'inside'"}}

# A mover's next event comes when the last has long been answered: none is judged with another.
_MOVES_S: Final = 10
_TELL_EVERY_S: Final = 5
_SHORTEST_WAIT_S: Final = 0.002
_LINGER_MS: Final = 2

Tell = Callable[[str, int], None]


class Sender:
    """Sends to a topic so many events a second, of which every `nth` moves a user.

    `mover` and `other` name users by number; those of the others repeat after `others`.
    """

    def __init__(
        self, bootstrap: str, topic: str, rate: int, nth: int = 1, others: int = 20_000
    ) -> None:
        self.rate = rate
        self._nth = nth
        self._others = others
        self._topic = topic
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=_LINGER_MS)
        self._number = 0

    @property
    def moves_s(self) -> int:
        """How many users are moved in a second."""
        return self.rate // self._nth

    def send(self, seconds: int, say: Callable[[str], None], tell: Tell) -> tuple[float, int]:
        """Send so many seconds' events, and tell of those that move users.

        Gives the rate that was reached, and how many moved somebody.
        """
        count, moves, start_s = seconds * self.rate, 0, time.monotonic()
        for number in range(count):
            ahead_s = start_s + number / self.rate - time.monotonic()
            if ahead_s > _SHORTEST_WAIT_S:
                time.sleep(ahead_s)
            if number % self._nth == 0:
                tell(*self._move())
                moves += 1
            else:
                self._look(number)
            if number % (self.rate * _TELL_EVERY_S) == 0:
                say(f"{number:,} of {count:,} events sent")
        self._producer.flush()
        return count / (time.monotonic() - start_s), moves

    def one(self, user: str, place: str = "inside") -> int:
        """Send an event of a user at a place, at once; gives the moment."""
        sent_us = self._send(user, place)
        self._producer.flush()
        return sent_us

    def close(self) -> None:
        """Let go of the connection."""
        self._producer.close()

    def _move(self) -> tuple[str, int]:
        round_, place = divmod(self._number, self.moves_s * _MOVES_S)
        self._number += 1
        user = f"mover-{place}"
        return user, self._send(user, "outside" if round_ % 2 else "inside")

    def _look(self, number: int) -> None:
        user = b"looker-%d" % (number % self._others)
        value = b'{"user_id":"%b","event_time":%d,"event_type":"view","category":"c%d",%b}' % (
            user,
            time.time_ns() // 1_000,
            number % 50,
            b'"price":5,"device":"mobile"',
        )
        self._producer.send(self._topic, value, user)

    def _send(self, user: str, place: str) -> int:
        sent_us = time.time_ns() // 1_000
        value = (
            f'{{"user_id":"{user}","event_time":{sent_us},"event_type":"view","price":5,'
            f'"category":"c{self._number % 50}","device":"mobile","place":"{place}",'
            f'"sent_us":{sent_us}}}'
        )
        self._producer.send(self._topic, value.encode(), user.encode())
        return sent_us


def features(own: dict[str, Any]) -> dict[str, Any]:
    """A workload's features, and what the sender's events are told apart by."""
    return {**own, **SENT}
