"""What a segment brings: its members against those who were held out, by intention to treat.

Both have met the condition, and chance alone has parted them. All who entered count from then on,
on the side on which they were, whether or not anything reached them and however long they stayed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from flink_job.audit.corrections import adjusted
from flink_job.audit.findings import LiftFound, Question, RatioFound
from flink_job.audit.groups import AuditedGroup
from flink_job.audit.measures import AuditMeasure
from flink_job.audit.proportions import Shares
from flink_job.audit.sample_ratio import ratio_test
from flink_job.audit.sequential import always_valid_p, pairs_of, reach
from flink_job.audit.welch import Means
from operators.base.arrays import Floats, Mask

# Converted users that each side must have before anything is said: with fewer, estimated variances
# are too small too often.
FEWEST_CONVERTED: Final = 10
_RATIO_ALPHA: Final = 0.01  # a share that is wrong is an alarm: it should seldom be a false one


@dataclass(frozen=True)
class LooksAtAnyTime:
    """Of n pairs, float64[n] each: how far intervals reach, and p, at whichever look this is."""

    reach: Floats
    p: Floats
    pairs: Floats


def looks(pairs: Shares | Means, alpha: float) -> LooksAtAnyTime:
    """Test the difference of pairs as may be done every day."""
    worth = pairs_of(pairs.users, pairs.other_users)
    far = reach(pairs.error, worth, alpha)
    nothing = np.zeros(pairs.users.shape)  # where nothing varies nothing can be told
    score = np.divide(pairs.difference, pairs.error, out=nothing, where=pairs.error > 0)
    return LooksAtAnyTime(far, always_valid_p(score, worth, alpha), worth)


def enough(conversions: Shares, fewest: int) -> Mask:
    """Where both sides have users, and converted ones among them, to say anything, bool[n]."""
    users = np.minimum(conversions.users, conversions.other_users)
    converted = np.minimum(conversions.converted, conversions.other_converted)
    found: Mask = (users >= fewest) & (converted >= FEWEST_CONVERTED)
    return found


def lifts(
    groups: Sequence[AuditedGroup],
    measures: Sequence[AuditMeasure],
    question: Question,
    wrong: Collection[str] = (),
) -> list[LiftFound]:
    """Every group with users enough who were held out, in every measure.

    `wrong` are those of which users were held out in another share than was asked for.
    """
    found = [each for measure in measures for each in _lifts(groups, measure, question)]
    corrected = adjusted(np.array([each.p for each in found]), question.correction).tolist()
    return [
        replace(
            each,
            adjusted=p,
            proven=p <= question.alpha and each.group not in wrong,
            trusted=each.group not in wrong,
        )
        for each, p in zip(found, corrected, strict=True)
    ]


def ratios(groups: Sequence[AuditedGroup], holdouts: Mapping[str, float]) -> list[RatioFound]:
    """Whether the share was held out, from 0 to 1, that the configuration says of a segment."""
    told = [each for each in groups if each.name in holdouts and _entered(each)]
    if not told:
        return []
    members = np.array([each.members.users for each in told], np.float64)
    held_out = np.array([each.held_out.users for each in told], np.float64)
    asked = np.array([holdouts[each.name] for each in told])
    tested = ratio_test(members, held_out, asked)
    return [
        RatioFound(
            *(each.name, share, each.members.users, each.held_out.users),
            *(each.held_out.users / _entered(each), p, always),
            wrong=always <= _RATIO_ALPHA,
        )
        for each, share, p, always in zip(
            told, asked.tolist(), tested.p.tolist(), tested.always_valid_p.tolist(), strict=True
        )
    ]


def _entered(group: AuditedGroup) -> int:
    return group.members.users + group.held_out.users


def _lifts(
    groups: Sequence[AuditedGroup], measure: AuditMeasure, question: Question
) -> Iterator[LiftFound]:
    told = _told(groups, measure, question.fewest)
    if not told:
        return
    pairs = measure.pairs([(each.members, each.held_out) for each in told])
    looked = looks(pairs, question.alpha)
    relative = _relative(pairs, looked.pairs, question.alpha)
    for at, group in enumerate(told):
        difference, far = float(pairs.difference[at]), float(looked.reach[at])
        yield LiftFound(
            *(group.name, measure.outcome, measure.kind),
            *(group.members.users, group.held_out.users),
            *(measure.of(group.members), measure.of(group.held_out)),
            *(difference, difference - far, difference + far),
            *relative[at],
            p=float(looked.p[at]),
            adjusted=1.0,
            proven=False,
        )


def _told(groups: Sequence[AuditedGroup], measure: AuditMeasure, fewest: int) -> list[AuditedGroup]:
    held = [each for each in groups if each.held_out.users]
    if not held:
        return []
    conversion = AuditMeasure(measure.outcome, "conversion")
    pairs = conversion.pairs([(each.members, each.held_out) for each in held])
    assert isinstance(pairs, Shares)
    return [held[at] for at in np.flatnonzero(enough(pairs, fewest)).tolist()]


def _relative(
    pairs: Shares | Means, worth: Floats, alpha: float
) -> list[tuple[float | None, float | None, float | None]]:
    """The lift and its interval, by the logarithm of the ratio and the delta method.

    None where a side has brought nothing, or less.
    """
    known = (pairs.level > 0) & (pairs.other_level > 0)
    first, second = np.where(known, pairs.level, 1.0), np.where(known, pairs.other_level, 1.0)
    error, other_error = pairs.errors
    far = reach(np.hypot(error / first, other_error / second), worth, alpha)
    ratio = np.log(first / second)
    columns = [np.expm1(each).tolist() for each in (ratio, ratio - far, ratio + far)]
    return [
        (lift, low, high) if sure else (None, None, None)
        for sure, lift, low, high in zip(known.tolist(), *columns, strict=True)
    ]
