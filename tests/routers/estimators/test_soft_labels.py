from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.soft_labels import soft_cross_entropy, soft_labels
from tests.routers.estimators.batches import NAN


def test_labels_are_the_softmax_of_quality_times_temperature() -> None:
    """ln 3 * (1, 0) is odds of 3 to 1; at twice the temperature of 9 to 1."""
    quality = torch.tensor([[1.0, 0.0]])
    assert soft_labels(quality, log(3))[0].tolist() == pytest.approx([0.75, 0.25])
    assert soft_labels(quality, 2 * log(3))[0].tolist() == pytest.approx([0.9, 0.1])


@given(st.lists(st.floats(0, 0.5, width=32), min_size=1, max_size=5), st.floats(0, 0.5, width=32), st.floats(0, 20))
def test_what_all_arms_have_in_common_is_gone(quality: list[float], shift: float, temperature: float) -> None:
    """Centring a row, as the paper's labels would need it, changes nothing: a softmax sees differences only."""
    row = torch.tensor([quality])
    torch.testing.assert_close(soft_labels(row + shift, temperature), soft_labels(row, temperature), atol=1e-5, rtol=0)


def test_known_arms_share_what_they_would_if_the_others_were_average() -> None:
    """Two of four cells: 0.75 and 0.25 of one half. A lone cell of four says nothing, whatever it is: 1/4."""
    quality = torch.tensor([[1.0, NAN, 0.0, NAN], [NAN, NAN, NAN, 0.9], [NAN] * 4])
    expected = torch.tensor([[0.375, NAN, 0.125, NAN], [NAN, NAN, NAN, 0.25], [NAN] * 4])
    torch.testing.assert_close(soft_labels(quality, log(3)), expected, equal_nan=True)


def test_cross_entropy_is_over_known_arms() -> None:
    """Logits 0 and ln 3 are chances 1/4 and 3/4 of the known arms: (ln 4 + ln 4/3) / 4; a row of unknowns is out."""
    logits = torch.tensor([[0.0, log(3), 50.0, 50.0], [1.0, 2.0, 3.0, 4.0]])
    label = torch.tensor([[0.25, 0.25, NAN, NAN], [NAN] * 4])
    assert soft_cross_entropy(logits, label).item() == pytest.approx((log(4) + log(4 / 3)) / 4)


def test_the_labels_themselves_have_the_least_cross_entropy() -> None:
    """Against shares of 3/4 and 1/4: at log odds ln 3, and more at any other."""
    label = soft_labels(torch.tensor([[1.0, 0.0]]), log(3))
    losses = [soft_cross_entropy(torch.tensor([[odds, 0.0]]), label).item() for odds in (log(3), log(3) - 0.5, 2.0)]
    assert losses[0] == min(losses) and exp(-losses[0]) == pytest.approx(0.75**0.75 * 0.25**0.25)


def test_gradients_are_finite_where_cells_are_unknown() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    soft_cross_entropy(logits, torch.tensor([[0.5, NAN, 0.1], [NAN] * 3])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and logits.grad.isfinite().all() and logits.grad[0, 1] == 0
