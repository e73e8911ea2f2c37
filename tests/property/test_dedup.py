"""Events that come again are dropped once each, however they are cut into batches."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.profiles import Profiles
from tests.effort import examples
from tests.oracle import SECOND, Event, User
from tests.property.feeding import batch_of, catalog_of
from tests.property.strategies import FEATURES, GAP, TILES, cuts, events, retained

NAMES = ["views_10m"]  # other types change no word of a row
WITHIN = 3600 * SECOND


class Once:
    """One user's events by the plain rule: the oracle's, but for those that came before."""

    def __init__(self) -> None:
        self.user = User({n: FEATURES[n] for n in NAMES}, TILES, retained(NAMES), GAP, True)
        self.shown: dict[str, int] = {}

    def fate(self, event: Event) -> str:
        """late, repeated or taken"""
        tile, count = self.user.retained
        if self.user.events and event.time // tile < self.user.newest // tile - count + 1:
            return "late"
        if event.id in self.shown and event.time <= self.shown[event.id] + WITHIN:
            return "repeated"
        if event.id is not None:
            self.shown[event.id] = event.time
        return "taken" if self.user.add(event) else "late"


@st.composite
def with_ids(draw: st.DrawFn) -> list[Event]:
    """Events of which some share an id, and some come again as they are."""
    ids = st.sampled_from([None, "1", "2", "3", "4"])
    once = [replace(event, id=draw(ids)) for event in draw(events())]
    again = draw(st.lists(st.sampled_from(once), max_size=10))
    return draw(st.permutations(once + again)) if draw(st.booleans()) else once + again


@given(chosen=with_ids(), data=st.data())
@settings(max_examples=examples(150), deadline=None)
def test_each_is_taken_once_across_batches_restarts_and_compactions(
    chosen: list[Event], data: st.DataObject
) -> None:
    catalog = catalog_of(NAMES)
    profiles = Profiles(catalog, WITHIN)
    users: dict[str, Once] = {}
    state: tuple[bytes | None, dict[int, bytes], list[bytes]] = (None, {}, [])
    for cut in cuts(data.draw, len(chosen)):
        batch = chosen[cut]
        arrived = profiles.arrive(batch_of(catalog, batch, by_id=True))
        arrivals = arrived.arrivals
        profiles.journal.begin(arrivals.touched)
        profiles.add(arrivals)
        fates = [users.setdefault(event.user, Once()).fate(event) for event in batch]
        taken = [at for at, fate in enumerate(fates) if fate == "taken"]
        assert sorted(arrivals.source.tolist()) == taken
        assert sorted(arrived.late) == [at for at, fate in enumerate(fates) if fate == "late"]
        assert arrived.repeated == fates.count("repeated")
        head, pages, log = state
        state = (head, pages, [*log, profiles.journal.commit()])
        if data.draw(st.booleans()):
            profiles.prune()
            compaction = profiles.journal.compact()
            state = (compaction.head, state[1] | dict(compaction.pages), [])
        if data.draw(st.booleans()):
            profiles = Profiles(catalog, WITHIN)
            profiles.journal.restore(state[0], state[1].values(), state[2])
