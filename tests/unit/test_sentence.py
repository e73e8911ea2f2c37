"""The why of a membership as a sentence."""

from __future__ import annotations

import pytest

from operators.contracts.records import Assignment, Belonging
from operators.membership.sentence import cluster_sentence, sentence

ANN = Assignment(
    user="ann",
    version=1,
    updated_at="2026-11-25T10:03:12.000000Z",
    segments=["Engaged Buyers", "Listed", "Old", "Three"],
    since={
        "Engaged Buyers": "2026-11-25T10:03:12.765432Z",
        "Listed": "2026-11-25T00:00:00.000000Z",
        "Three": "2026-11-25T00:00:00.000000Z",
    },
    why={
        "Engaged Buyers": ["session_minutes = 7.2 (> 5)", "product_views = 4 (> 3)"],
        "Listed": ["listed as a member"],
        "Three": ["in segment VIP", "carts_1h = 1 (>= 1)", "min_dwell 5m is not over"],
    },
    held_out={"Trial": "2026-11-24T23:59:59.000000Z"},
)
SENTENCES = {
    "Engaged Buyers": (
        "in Engaged Buyers since 2026-11-25 10:03:12 UTC, because session_minutes = 7.2 (> 5) "
        "and product_views = 4 (> 3)"
    ),
    "Listed": "in Listed since 2026-11-25 00:00:00 UTC, because listed as a member",
    "Three": (
        "in Three since 2026-11-25 00:00:00 UTC, because in segment VIP, carts_1h = 1 (>= 1) "
        "and min_dwell 5m is not over"
    ),
    "Old": "in Old",
    "Trial": "held out of Trial since 2026-11-24 23:59:59 UTC, to compare with its members",
    "Other": "not in Other",
}


@pytest.mark.parametrize("segment", SENTENCES)
def test_a_membership_reads_like_a_sentence(segment: str) -> None:
    assert sentence(ANN, segment) == SENTENCES[segment]


@pytest.mark.parametrize(
    ("belonging", "said"),
    [
        (
            Belonging(4, "many views", 0.5, 0.834, 7, 1.5, why=["a = 1 (here 2, next 9)", "b = 2"]),
            "in the cluster 'many views' (4) of shoppers, with a share of 83%, because "
            "a = 1 (here 2, next 9) and b = 2",
        ),
        (
            Belonging(4, "many views", 9.5, 0.3, 7, -0.25, outlier=True, why=["a = 1 (here 2)"]),
            "an outlier of the cluster 'many views' (4) of shoppers, with a share of 30%, because "
            "a = 1 (here 2); the next is nearer by 0.25, too little to leave",
        ),
        (
            Belonging(0, "everyone", 0.5, 1.0, 7),
            "in the cluster 'everyone' (0) of shoppers, with a share of 100%",
        ),
    ],
)
def test_a_cluster_reads_like_a_sentence(belonging: Belonging, said: str) -> None:
    assert cluster_sentence(belonging, "shoppers") == said
