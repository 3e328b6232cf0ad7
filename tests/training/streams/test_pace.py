import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.training.streams.pace import chance_of_call

DOUBTS = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, np.inf]), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(doubts=DOUBTS, share=st.floats(0, 1))
def test_the_share_is_kept_whatever_is_equal(doubts: list[float], share: float) -> None:
    """Of m alike queries with g before them clip(S - g, 0, m) are called, S = share * n; over the groups in turn these
    add up to S. So a query that may be any of the n is called with chance S / n = share."""
    called = [chance_of_call(one, np.array(doubts[:at] + doubts[at + 1 :]), share) for at, one in enumerate(doubts)]
    assert sum(called) == pytest.approx(share * len(doubts), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(recent=DOUBTS, share=st.floats(0, 1), one=st.floats(-1, 3), more=st.floats(0, 2))
def test_more_doubt_is_called_more(recent: list[float], share: float, one: float, more: float) -> None:
    known = np.array(recent)
    assert chance_of_call(one, known, share) <= chance_of_call(one + more, known, share)


def test_with_nothing_to_compare_the_share_is_the_chance() -> None:
    assert chance_of_call(7.0, np.array([]), 0.3) == 0.3
