"""The map of whole arrays against a dict."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.pages.sets import IntMap
from tests.effort import examples

keys = st.one_of(
    st.integers(0, 40), st.integers(0, 2**62), st.integers(0, 40).map(lambda n: n << 32)
)
puts = st.lists(st.dictionaries(keys, st.integers(-(2**62), 2**62), max_size=60), max_size=12)


@given(puts, st.lists(keys, max_size=30), st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_it_holds_what_was_put_last(
    batches: list[dict[int, int]], asked: list[int], thinned: bool
) -> None:
    found, expected = IntMap(), dict[int, int]()
    for batch in batches:
        found.put(np.array([*batch], np.int64), np.array([*batch.values()], np.int64))
        expected |= batch
        if thinned:
            held, _ = found.items()
            found.keep(held % 3 != 0)
            expected = {key: value for key, value in expected.items() if key % 3}
    assert len(found) == len(expected)
    assert dict(zip(*(column.tolist() for column in found.items()), strict=True)) == expected
    values = found.get(np.array([*asked, *expected], np.int64), -7).tolist()
    assert values == [expected.get(key, -7) for key in [*asked, *expected]]
