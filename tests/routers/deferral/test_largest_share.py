import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from anabranch.routers.deferral.largest_share import chance_of_another


@given(st.floats(1.0, 120.0), st.floats(1.0, 120.0))
@settings(max_examples=30, deadline=None)
def test_of_two_shares_it_is_an_incomplete_beta(one: float, other: float) -> None:
    """The first of two shares is Beta(one, other); the other is the larger where it is below a half."""
    assert chance_of_another((one, other)) == pytest.approx(betainc(one, other, 0.5), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_of_equals_each_is_the_largest_equally_often(count: int) -> None:
    assert chance_of_another((4.0,) * count) == pytest.approx(1 - 1 / count, abs=1e-7)


def test_of_three_with_shapes_two_one_one() -> None:
    """P(x > both), x of density x exp(-x), the others exponential: the integral of x exp(-x) (1 - exp(-x))^2 is
    1 - 2/4 + 1/9 = 11/18."""
    assert chance_of_another((2.0, 1.0, 1.0)) == pytest.approx(7 / 18, abs=1e-7)


def test_tiny_chances_stay_chances() -> None:
    """A hundred draws that agree: the released code has to approximate what its 1000 samples never show."""
    assert chance_of_another((101.0, 1.3)) == pytest.approx(betainc(101.0, 1.3, 0.5), rel=1e-3)


def test_it_is_what_draws_say() -> None:
    """20000 draws: within four standard errors, 4 sqrt(0.25 / 20000) = 0.0141."""
    shapes = (6.0, 4.0, 3.0, 1.3)
    drawn = np.random.default_rng(0).dirichlet(shapes, 20000).argmax(axis=1)
    assert chance_of_another(shapes) == pytest.approx((drawn != 0).mean(), abs=0.0142)
