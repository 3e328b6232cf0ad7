import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.affine_signal import AffineSignal, PostHocSignal
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.registry import from_plain, to_plain

NAN = float("nan")
RULE = AffineSignal(("a", "b"), (), (1.0, 2.0), (0.5, -1.0), 3.0)


def test_an_affine_signal_is_what_it_says() -> None:
    assert RULE([[3.0, 2.5], [NAN, 0.0], [np.inf, 0.0]])[0] == 3.0 + 0.5 * 2 - 0.5
    assert np.isnan(RULE([[NAN, 0.0], [np.inf, 0.0]])).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_one_row_is_rounded_as_many_are(seed: int, features: int) -> None:
    rng = np.random.default_rng(seed)
    means, weights = (tuple(row.tolist()) for row in rng.normal(size=(2, features)))
    rule, rows = AffineSignal(("x",) * features, (), means, weights, 0.1), rng.normal(size=(50, features))
    assert rule(rows).tolist() == [rule(row).item() for row in rows]


def test_every_answer_is_judged_by_the_rule_of_its_model() -> None:
    """Of model 0: 3 + 0.5 (3 - 1) - (2.5 - 2) = 3.5; model 1 has no rule; without b nothing is known."""
    signal = PostHocSignal("post_hoc", (RULE, None))
    seen = {"a": 3.0, "b": 2.5}
    found = signal([Answered(0, "", "", seen), Answered(1, "", "", seen), Answered(0, "", "", {"a": 3.0})])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [3.5, NAN, NAN])


def test_it_is_written_down_and_read_back() -> None:
    signal = PostHocSignal("post_hoc", (RULE, None))
    assert from_plain(to_plain(signal)) == signal


def test_a_rule_that_reads_estimates_is_no_signal_of_an_answer() -> None:
    with pytest.raises(ValueError, match=r"estimates of models \[0, 2\]; learn them without estimates"):
        PostHocSignal("post_hoc", (None, AffineSignal((), (2, 0), (0.0, 0.0), (1.0, 1.0), 0.0)))
