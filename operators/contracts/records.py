"""What flockwise publishes: assignments, transitions and dead letters, as JSON.

Times are ISO 8601 in UTC with microseconds. A field that is not known is null or absent;
consumers must pass over fields that they don't know.
"""

from __future__ import annotations

from typing import Final

import msgspec

# What a record that a store takes is, to Upsert.
ASSIGNMENT: Final = b"assignment"
TRANSITION: Final = b"transition"
OUTCOME: Final = b"outcome"

LEDGER: Final = "ledger"  # the topic, or folder, of what a bounded run's lanes total

# Why members leave where a job begins anew over what an earlier start has put out.
BEGAN_ANEW: Final = "the job began anew"

FeatureValue = float | str | list[str] | None


class Belonging(msgspec.Struct, frozen=True):
    """A user's cluster in one model, as its version `model` has it.

    `cluster` is the id, which stays while the `name` may change. `distance` is that to the
    center, in scaled space; `margin` that to the next center less it: negative for a user who
    stays though the next is nearer, null where there is one cluster only. `share` is the soft
    membership, from 0 to 1; an `outlier` is farther from the center than nearly all others in
    it. `why` holds up to three features that decide for this cluster against the next. `since` is
    the moment of coming into the cluster, null where that was not kept: in state of before.
    """

    cluster: int
    name: str
    distance: float
    share: float
    model: int
    margin: float | None = None
    outlier: bool = False
    why: list[str] = []
    since: str | None = None


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One user's segments and clusters now: a record of the changelog.

    `version` is in microseconds and grows strictly for a user; stores write by it.
    `updated_at` is the moment as of which the user was judged. `why` holds for each segment
    the comparisons that decided, `since` the moment of entering. `held_out` holds the segments
    that the user would be in but for their holdouts, with the moment since. `clusters` holds
    for each model where the user belongs; `cluster` is the id in the first model. `rules` is the
    version of the segments that judged. `event_at` is the time in Kafka (ms) of the newest event
    before it. `forgotten` says that it is the user's last: what is known of them, up to this
    version, is to be deleted.
    """

    user: str
    version: int
    updated_at: str
    segments: list[str]
    since: dict[str, str] = {}
    why: dict[str, list[str]] = {}
    held_out: dict[str, str] = {}
    cluster: int | None = None
    clusters: dict[str, Belonging] = {}
    rules: int = 0
    features: dict[str, FeatureValue] = {}
    event_at: int | None = None
    forgotten: bool = False


class Tombstone(msgspec.Struct, frozen=True):
    """A user forgotten at a version: whatever is older about them goes."""

    user: str
    version: int


Change = Assignment | Tombstone


def change(assignment: Assignment) -> Change:
    """What a record of the changelog asks of a store."""
    if assignment.forgotten:
        return Tombstone(assignment.user, assignment.version)
    return assignment


class Transition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One user entering or leaving one segment; (user, version, segment) names it for ever."""

    user: str
    segment: str
    kind: str  # "enter" or "leave"
    at: str
    version: int
    why: list[str] = []
    rules: int = 0


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """An input that could not be used, kept raw.

    `raw` is the value if it is UTF-8, else `raw_base64` holds it; both are None for a null
    value. `key` and `key_base64` likewise. `truncated` says that only the first bytes of
    `size` are kept, `sha256` then names the whole.
    """

    reason: str
    detail: str
    at: str
    raw: str | None = None
    raw_base64: str | None = None
    key: str | None = None
    key_base64: str | None = None
    size: int = 0
    truncated: bool = False
    sha256: str | None = None


class LaneTotals(msgspec.Struct, frozen=True):
    """What became of the records of a lane, told once, at the end of a bounded run.

    `people` are the records of the roster that were taken.
    """

    lane: int
    records: int
    events_applied: int
    dead_letters: int
    duplicates: int
    people: int = 0


class LaneProgress(msgspec.Struct, frozen=True, tag_field="kind", tag="progress"):
    """How far a lane is in judging everyone by a version of the segments: `judged` of `users`.

    `members` says how many are in each segment, once everyone is judged; null before.
    """

    lane: int
    rules: int
    users: int
    judged: int
    at: str
    members: dict[str, int] | None = None


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """Of one segment: how many users would enter, leave and stay."""

    enter: int
    leave: int
    stay: int


class LanePreview(msgspec.Struct, frozen=True, tag_field="kind", tag="preview"):
    """A lane's answer to the question `id`: what other segments would come to."""

    lane: int
    id: str
    users: int
    segments: dict[str, Counts]
    at: str


class CameLast(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events that features or outcomes ask for, and when one came last, by the job's wall clock.

    They are those of a `type`, or those of the types `of`, null for all, that have a `field`.
    They are asked for `since` a moment; `last` is null if none has come.
    """

    where: str
    since: str
    last: str | None = None
    type: str | None = None
    field: str | None = None
    of: list[str] | None = None


class LaneInput(msgspec.Struct, frozen=True, tag_field="kind", tag="input"):
    """What has come to a lane of what is asked for; `fields` and `types` are names that were seen.

    The names are the most frequent ones of a sample, whichever lane they came to.
    """

    lane: int
    at: str
    came: list[CameLast]
    fields: list[str]
    types: list[str]


Status = LaneProgress | LanePreview | LaneInput

status_decoder = msgspec.json.Decoder(Status)
assignment_decoder = msgspec.json.Decoder(Assignment)
transition_decoder = msgspec.json.Decoder(Transition)
dead_letter_decoder = msgspec.json.Decoder(DeadLetter)
encode = msgspec.json.Encoder().encode
