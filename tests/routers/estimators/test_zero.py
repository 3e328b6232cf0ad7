import pytest
import torch

from anabranch.routers.estimators.zero import Zero
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_every_prompt_has_the_means_of_the_arms() -> None:
    """(1 + 0 + 0 + 1) / 4 and 1/2 of two known cells; usage (2 + 4) / 2 and 7."""
    table = batch_of(
        [[1.0], [2.0], [3.0], [4.0]],
        [[1.0, NAN], [0.0, 1.0], [0.0, 0.0], [1.0, NAN]],
        usage=[[2.0, 7.0], [4.0, NAN], [NAN, NAN], [NAN, NAN]],
    )
    found = fitted(Zero(1, 2), table)(torch.tensor([[1.0], [-50.0]]))
    assert found.quality.tolist() == [[0.5, 0.5]] * 2
    assert found.usage.tolist() == [[3.0, 7.0]] * 2


def test_spread_is_the_standard_error_of_the_mean() -> None:
    """Four cells, standard deviation 1/2: 0.5 / sqrt(4); two cells: 0.5 / sqrt(2)."""
    table = batch_of([[0.0]] * 4, [[1.0, NAN], [0.0, 1.0], [0.0, 0.0], [1.0, NAN]])
    spread = fitted(Zero(1, 2), table)(torch.zeros(1, 1)).spread
    assert spread[0].tolist() == pytest.approx([0.25, 0.5 / 2**0.5])


def test_an_arm_that_was_never_tried_is_as_good_as_the_others_on_average() -> None:
    found = fitted(Zero(1, 3), batch_of([[0.0], [0.0]], [[1.0, 0.5, NAN], [0.0, 0.5, NAN]]))(torch.zeros(1, 1))
    assert found.quality[0].tolist() == [0.5, 0.5, 0.5] and found.spread[0, 2].item() == 0.0
