import numpy as np

from anabranch.training.replay.ibc import ibc_lift


def test_the_lift_compares_slopes_seen_from_the_small_model() -> None:
    """Small (0.5, 1), large (0.9, 5): 0.1 a dollar. (0.7, 2) buys 0.2 a dollar, twice; (0.6, 3) buys 0.05, half."""
    lift = ibc_lift([0.7, 0.6, 0.9], [2.0, 3.0, 5.0], small=(0.5, 1.0), large=(0.9, 5.0))
    np.testing.assert_allclose(lift, [1.0, -0.5, 0.0], atol=1e-12)


def test_what_does_not_cost_more_has_no_lift() -> None:
    assert np.isnan(ibc_lift([0.5, 0.6], [1.0, 0.5], small=(0.5, 1.0), large=(0.9, 5.0))).all()


def test_against_a_large_model_that_is_not_better_or_not_dearer_nothing_has_a_lift() -> None:
    for large in [(0.4, 5.0), (0.5, 5.0), (0.9, 1.0)]:
        assert np.isnan(ibc_lift([0.7], [2.0], small=(0.5, 1.0), large=large)).all()
