import pytest
import torch

from anabranch.routers.estimators.collected import ArmMean, Collected, known_mean
from tests.routers.estimators.batches import NAN, batch_of


def test_batches_are_put_together_in_the_order_of_their_rows() -> None:
    """Shuffled batches, as training gives them."""
    whole = batch_of([[0.0], [1.0], [2.0]], [[0.0], [0.5], [1.0]])
    collected = Collected()
    for rows in ([2, 0], [1]):
        collected.add(type(whole)(*(part[rows] for part in whole)))
    stacked = collected.stack()
    assert stacked.row.tolist() == [0, 1, 2]
    assert stacked.embedding.tolist() == [[0.0], [1.0], [2.0]] and stacked.quality.tolist() == [[0.0], [0.5], [1.0]]


def test_what_was_stacked_is_forgotten() -> None:
    collected = Collected()
    collected.add(batch_of([[0.0]], [[0.0]]))
    collected.stack()
    with pytest.raises(ValueError, match="finalise was called before any batch was observed"):
        collected.stack()


def test_gradients_are_not_kept() -> None:
    embedding = torch.zeros(1, 1, requires_grad=True)
    collected = Collected()
    collected.add(batch_of(embedding, [[0.0]]))
    assert not collected.stack().embedding.requires_grad


def test_means_are_over_known_cells() -> None:
    """(1 + 3) / 2; 5 alone; nothing."""
    mean = known_mean(torch.tensor([[1.0, NAN, NAN], [3.0, 5.0, NAN]]))
    torch.testing.assert_close(mean, torch.tensor([2.0, 5.0, NAN]), equal_nan=True)


def test_an_arm_mean_is_one_row_a_prompt() -> None:
    mean = ArmMean(1)
    mean.set(torch.tensor([[2.0], [4.0]]))
    assert mean(torch.zeros(2, 7)).tolist() == [[3.0], [3.0]]
    assert mean(torch.zeros(0, 7)).shape == (0, 1)
