import pytest
import torch
from torch import Tensor

from anabranch.routers.estimators.stacking import contrasts, stacking_weights
from tests.routers.estimators.batches import NAN

FIRST = torch.tensor([[1.0], [0.0]])
SECOND = torch.tensor([[0.0], [1.0]])


def weights(members: list[Tensor], target: list[float], shrinkage: float) -> list[float]:
    found: list[float] = stacking_weights(torch.stack(members), torch.tensor(target).unsqueeze(1), shrinkage).tolist()
    return found


def test_contrasts_take_out_how_hard_a_prompt_is() -> None:
    """The second row is the first, 0.3 harder for every arm; the mean of 1 and 0.4 alone is 0.7."""
    found = contrasts(torch.tensor([[0.9, 0.6, 0.6], [0.6, 0.3, 0.3], [1.0, 0.4, NAN]]))
    expected = torch.tensor([[0.2, -0.1, -0.1], [0.2, -0.1, -0.1], [0.3, -0.3, NAN]])
    torch.testing.assert_close(found, expected, equal_nan=True)


@pytest.mark.parametrize(("shrinkage", "expected"), [(0.0, [0.5, 2.0]), (1.0, [0.25, 1.0])])
def test_orthogonal_members_are_weighed_apart(shrinkage: float, expected: list[float]) -> None:
    """The Gram matrix is 1, so the weights are the target; a penalty of one mean square makes it 2 and halves them."""
    assert weights([FIRST, SECOND], [0.5, 2.0], shrinkage) == pytest.approx(expected)


def test_a_member_that_says_the_opposite_has_no_weight() -> None:
    assert weights([FIRST, SECOND], [-1.0, 2.0], 0.0) == pytest.approx([0.0, 2.0])


def test_equal_members_share_alike() -> None:
    """Gram 2 everywhere, 1 more on its diagonal (half of 2), match 2: 3 w + 2 w = 2."""
    both = torch.ones(2, 1)
    assert weights([both, both], [1.0, 1.0], 0.5) == pytest.approx([0.4, 0.4])


def test_overlapping_members_are_solved_together() -> None:
    """Gram [[1, 1], [1, 2]], match (3, 5): the only exact weights are 1 and 2."""
    assert weights([FIRST, FIRST + SECOND], [3.0, 2.0], 0.0) == pytest.approx([1.0, 2.0])


def test_unknown_cells_count_for_nothing() -> None:
    """What the second member says of the cell nobody observed may even be NaN."""
    spoilt = torch.tensor([[0.0], [NAN]])
    assert weights([FIRST, spoilt], [0.5, NAN], 0.0) == pytest.approx([0.5, 0.0])
    assert weights([FIRST, SECOND], [NAN, NAN], 0.1) == [0.0, 0.0]
