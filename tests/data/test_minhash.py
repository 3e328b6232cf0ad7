import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.minhash import Sets, rows_per_band

Contents = list[set[int]]


def sets_of(contents: Contents) -> Sets:
    pairs = [(owner, item) for owner, items in enumerate(contents) for item in sorted(items)]
    owner, item = np.array(pairs, np.int64).reshape(-1, 2).T
    return Sets(owner, item, len(contents))


@given(st.lists(st.sets(st.integers(0, 9), min_size=1), min_size=2, max_size=6))
def test_jaccard_is_shared_over_all(contents: Contents) -> None:
    pairs = [(a, b) for a in range(len(contents)) for b in range(len(contents))]

    found = sets_of(contents).jaccard(np.array(pairs))

    expected = [len(contents[a] & contents[b]) / len(contents[a] | contents[b]) for a, b in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(st.lists(st.sets(st.integers(0, 3)), max_size=8), st.integers(0, 2**32))
def test_equal_sets_are_always_candidates_and_empty_ones_never(contents: Contents, seed: int) -> None:
    batches = list(sets_of(contents).candidates(0.8, seed))
    found = {tuple(sorted(pair)) for batch in batches for pair in batch.tolist()}

    for second in range(len(contents)):
        for first in range(second):
            if contents[first] and contents[first] == contents[second]:
                assert (first, second) in found
    assert all(contents[first] and contents[second] for first, second in found)


@pytest.mark.parametrize(("threshold", "rows"), [(0.8, 5), (0.5, 2), (0.05, 1), (1.0, 10)])
def test_rows_per_band_keep_999_pairs_in_1000(threshold: float, rows: int) -> None:
    """A pair escapes b = 100 // r bands with probability (1 - t^r)^b.

    t = 0.8: r = 5 gives 0.672^20 = 0.0004, r = 6 gives 0.738^16 = 0.008. t = 0.5: r = 2 gives
    0.75^50 = 6e-7, r = 3 gives 0.875^33 = 0.012. t = 0.05: even r = 2 gives 0.9975^50 = 0.88.
    t = 1: nothing escapes, and no band has more than 10 rows.
    """
    assert rows_per_band(threshold) == rows


def test_pairs_that_are_alike_are_found() -> None:
    """200 pairs of sets of 90 shared and 5 + 5 own items: Jaccard 0.9, so 1 - (1 - 0.9^5)^20 > 0.99999."""
    contents = [{1000 * (pair // 2) + i for i in range(90)} for pair in range(400)]
    for number, items in enumerate(contents):
        items |= {10**6 + 10 * number + i for i in range(5)}

    batches = list(sets_of(contents).candidates(0.8, seed=0))

    found = {tuple(sorted(pair)) for batch in batches for pair in batch.tolist()}
    assert {(2 * pair, 2 * pair + 1) for pair in range(200)} <= found
