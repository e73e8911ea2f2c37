"""Leases: whoever reads the topic to the same record names the same holders, and one a name."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from flink_job.leases.holders import Holders
from operators.contracts.leases import Heartbeat, Lease, LeaseRecord, encode, key, read
from tests.effort import examples

NAMES = st.sampled_from(["shop", "games", "news"])
TOPICS = st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=2)


def lease(name: str, token: str, topics: set[str], over: list[str]) -> Lease:
    return Lease(name, token, int(token), sorted(topics), "somebody", "somewhere", "now", over)


def told(records: list[LeaseRecord]) -> Holders:
    holders = Holders()
    for record in records:
        holders.take(read(encode(record)))
    return holders


@st.composite
def starts(draw: st.DrawFn) -> list[LeaseRecord]:
    """Starts that each saw the topic to some record before them, and heartbeats of them all."""
    records: list[LeaseRecord] = []
    for number in range(draw(st.integers(1, 12))):
        name, topics = draw(NAMES), draw(TOPICS)
        seen = told(records[: draw(st.integers(0, len(records)))])
        over = [each.lease.token for each in seen.in_the_way(name, topics)]
        records.append(lease(name, str(number), topics, over))
        beating = draw(st.integers(0, number))
        records.append(Heartbeat(str(beating), "now", ended=draw(st.booleans())))
    return records


@given(starts())
@settings(max_examples=examples(300), deadline=None)
def test_a_name_and_a_topic_have_one_holder_at_any_time(records: list[LeaseRecord]) -> None:
    for end in range(len(records) + 1):
        holders = told(records[:end])
        held = holders.in_the_way("nobody", {"a", "b", "c", "d"})
        names = [holder.lease.name for holder in held]
        topics = [topic for holder in held for topic in holder.lease.topics]
        assert len(names) == len(set(names))
        assert len(topics) == len(set(topics))


@given(starts(), st.randoms(use_true_random=False))
@settings(max_examples=examples(300), deadline=None)
def test_a_compacted_topic_names_the_same_holders(
    records: list[LeaseRecord], chance: random.Random
) -> None:
    """Up to some record compaction drops what a later one of the same key replaces.

    And the heartbeats of those who hold no more.
    """
    cleaned = chance.randint(0, len(records))
    holding = told(records[:cleaned])

    def not_forgotten(record: LeaseRecord) -> bool:
        return isinstance(record, Lease) or holding.of(record.token) is not None

    last = {key(record): at for at, record in enumerate(records[:cleaned])}
    kept = [
        record
        for at, record in enumerate(records)
        if at >= cleaned or (last[key(record)] == at and (at % 2 or not_forgotten(record)))
    ]
    whole, compacted = (
        {h.lease.token: h.ended for h in told(each).in_the_way("nobody", {"a", "b", "c", "d"})}
        for each in (records, kept)
    )
    assert compacted == whole


def test_of_two_that_saw_the_same_the_first_holds() -> None:
    before = lease("shop", "1", {"a"}, [])
    first, second = (lease("shop", token, {"a"}, ["1"]) for token in "23")
    holders = told([before, first, second])
    assert holders.of("2") is not None
    assert holders.of("1") is None
    assert holders.of("3") is None


def test_the_heartbeats_of_one_who_lost_say_nothing() -> None:
    first, second = lease("shop", "1", {"a"}, []), lease("shop", "2", {"a"}, ["1"])
    holders = told([first, second, Heartbeat("1", "now"), Heartbeat("2", "now")])
    (holder,) = holders.in_the_way("shop", ())
    assert (holder.lease.token, holder.beats, holder.ended) == ("2", 1, False)
