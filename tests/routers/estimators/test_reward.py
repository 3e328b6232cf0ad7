import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.reward import best_arms, require_usage, reward
from tests.routers.estimators.batches import NAN


def test_cost_is_weighed_in_units_of_the_scale() -> None:
    """1 - 0.2 * 3 / 6, and unknown where usage is."""
    found = reward(torch.tensor([[1.0, 1.0]]), torch.tensor([[3.0, NAN]]), torch.tensor(6.0), 0.2)[0]
    assert found[0].item() == pytest.approx(0.9) and found[1].isnan()


def test_costs_that_weigh_nothing_may_be_unknown() -> None:
    assert reward(torch.tensor([[1.0]]), torch.tensor([[NAN]]), torch.tensor(NAN), 0.0).item() == 1.0
    require_usage(torch.tensor([NAN]), 0.0, "any-router")


def test_unknown_costs_are_not_weighed() -> None:
    with pytest.raises(ValueError, match=r"any-router was asked to weigh cost by 0.5 and some arm's usage is unknown"):
        require_usage(torch.tensor([1.0, NAN]), 0.5, "any-router")


def test_ties_share_the_label() -> None:
    """Two of three right; all wrong; one unknown; all unknown."""
    value = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [NAN, 0.0, 0.5], [NAN, NAN, NAN]])
    expected = [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert best_arms(value).tolist() == expected


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.permutations(range(5)))
def test_the_order_of_arms_does_not_matter(value: list[int], order: list[int]) -> None:
    places = torch.tensor([place for place in order if place < len(value)])
    row = torch.tensor([value]).float()
    assert best_arms(row[:, places]).equal(best_arms(row)[:, places])
