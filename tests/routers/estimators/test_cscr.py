import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.cscr import CSCR, cheapness, contrastive_loss
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_the_loss_by_hand() -> None:
    """Scores log 2, 0, 0: shares 1/2, 1/4, 1/4. Arms one and two are right and pull with 3 and 1.

    3/4 log 2 + 1/4 log 4 = 5/4 log 2.
    """
    score = torch.tensor([[2.0, 1.0, 1.0]]).log()
    loss = contrastive_loss(score, torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([3.0, 1.0, 9.0]))
    assert loss.item() == pytest.approx(1.25 * torch.tensor(2.0).log().item())


def test_unknown_arms_are_no_rivals_and_hopeless_prompts_teach_nothing() -> None:
    """Of the first row two arms of equal score are known: log 2; no arm of the second is right."""
    score = torch.tensor([[0.0, 50.0, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    loss = contrastive_loss(score, torch.tensor([[1.0, NAN, 0.0], [0.0, NAN, 0.0]]), torch.ones(3))
    assert loss.item() == pytest.approx(torch.tensor(2.0).log().item())
    assert torch.autograd.grad(loss, score)[0].tolist() == [[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


@given(pulls=st.lists(st.floats(0.1, 1.0), min_size=3, max_size=3))
def test_the_loss_is_least_where_shares_follow_the_pull(pulls: list[float]) -> None:
    """All three arms are right: the softmax wants their pulls as shares, so their logs are the best scores."""
    pull = torch.tensor(pulls)
    score = pull.log().unsqueeze(0).requires_grad_()
    loss = contrastive_loss(score, torch.ones(1, 3), pull)
    assert torch.autograd.grad(loss, score)[0].abs().max() < 1e-6


def test_a_cheap_arm_pulls_more() -> None:
    """exp(-2 * 1/4) against exp(-2); without a cost weight all alike."""
    usage = torch.tensor([1.0, 4.0])
    assert cheapness(usage, 2.0).tolist() == pytest.approx([0.60653, 0.13534], abs=1e-5)
    assert cheapness(usage, 0.0).tolist() == [1.0, 1.0]


def test_where_an_arms_usage_is_unknown_quality_alone_pulls() -> None:
    assert cheapness(torch.tensor([1.0, NAN]), 2.0).tolist() == [1.0, 1.0]
    assert cheapness(torch.tensor([0.0, 0.0]), 2.0).tolist() == [1.0, 1.0]


def test_the_arm_in_the_direction_of_the_prompt_is_nearest() -> None:
    """Prompt (3, 4) as it is, arms (4, 3) and (-2, 0): cosines 24/25 and -3/5; of the zero vector they are 0."""
    estimator = fitted(CSCR(2, 2, space=2), batch_of([[0.0, 0.0]], [[1.0, 0.0]], usage=[[2.0, 1.0]]))
    with torch.no_grad():
        estimator.prompt.weight.copy_(torch.eye(2))
        estimator.prompt.bias.zero_()
        estimator.arm.copy_(torch.tensor([[4.0, 3.0], [-2.0, 0.0]]))
    found = estimator(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    torch.testing.assert_close(found.quality, torch.tensor([[0.96, -0.6], [0.0, 0.0]]))
    assert found.usage[0].tolist() == [2.0, 1.0] and found.spread[0].tolist() == [0.0, 0.0]


def test_the_loss_reads_temperature_and_mean_usage() -> None:
    """Both arms lie at cosine 1 and 0, so scores are 1/T and 0; usage 1 and 2 makes the pulls e^-0.5 and e^-1.

    Both are right: the first wants the share s = 1 / (1 + e^-0.5), and gets p = 1 / (1 + e^(-1/T)) at T = 0.5.
    """
    table = batch_of([[1.0, 0.0]], [[1.0, 1.0]], usage=[[1.0, 2.0]])
    estimator = fitted(CSCR(2, 2, space=2, temperature=0.5), table)
    with torch.no_grad():
        estimator.prompt.weight.copy_(torch.eye(2))
        estimator.prompt.bias.zero_()
        estimator.arm.copy_(torch.eye(2))
    share, chance = torch.tensor([0.5, 2.0]).sigmoid()
    expected = -share * chance.log() - (1 - share) * (1 - chance).log()
    assert estimator.loss(table).item() == pytest.approx(expected.item(), abs=1e-6)
