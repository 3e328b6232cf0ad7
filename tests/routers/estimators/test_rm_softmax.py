import pytest
import torch
from torch import Tensor, nn

from anabranch.routers.estimators.rm_softmax import RMSoftmax
from anabranch.routers.estimators.utility import unscaled
from tests.routers.estimators.batches import NAN, batch_of, fitted

ROWS = 64


class UtilityItself(nn.Module):
    """Scores arms by `sharpness` times their true utility, read from an embedding that holds quality and cost."""

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 2 + 2 + 1): quality and cost of two arms, the scaled trade-off."""
        tradeoff = unscaled(features[:, 4:])
        return self.sharpness * (tradeoff * features[:, :2] - (1 - tradeoff) * features[:, 2:4])


def random_table() -> tuple[RMSoftmax, Tensor]:
    """An estimator that has seen random outcomes, and those as embeddings: quality, then cost over its scale."""
    draws = torch.Generator().manual_seed(0)
    quality, usage = torch.rand(ROWS, 2, generator=draws), torch.rand(ROWS, 2, generator=draws)
    cost = usage / usage.mean(dim=0).max()
    embedding = torch.cat([quality, cost], dim=1)
    return fitted(RMSoftmax(4, 2), batch_of(embedding, quality, usage=usage.tolist())), embedding


def test_the_regret_of_indifference_by_hand() -> None:
    """One prompt in evaluation stands at the cost end, t = 1/11; costs 2 and 1 over the priciest mean, 2.

    Utilities 1/11 - 10/11 and 0 - 5/11: regrets 4/11 and 0, half of which is 2/11.
    """
    table = batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, 1.0]])
    estimator = fitted(RMSoftmax(1, 2, hidden=4), table)
    for part in estimator.score.parameters():
        nn.init.zeros_(part)
    assert estimator.loss(table).item() == pytest.approx(2 / 11)


def test_the_regret_of_the_true_utility_tends_to_zero() -> None:
    """The sharper a perfect score, the less it loses; the opposite of it loses most."""
    estimator, embedding = random_table()
    scale = estimator.usage.mean.max()
    table = batch_of(embedding, embedding[:, :2], usage=(embedding[:, 2:] * scale).tolist())
    losses = []
    for sharpness in (-1e4, 0.0, 10.0, 1e4):
        estimator.score = UtilityItself(sharpness)  # type: ignore[assignment]
        losses.append(estimator.loss(table).item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-4 and losses[1] > 0.05


def test_arms_with_unknown_cells_are_left_out_of_their_row() -> None:
    """The known arm is the best there is, and a row that knows nothing counts for nothing."""
    table = batch_of([[0.0], [0.0]], [[1.0, NAN], [NAN, NAN]], usage=[[2.0, 1.0], [1.0, 1.0]])
    loss = fitted(RMSoftmax(1, 2, hidden=4), table).loss(table)
    assert loss.item() == 0.0


def test_in_training_trade_offs_are_drawn_by_the_seed() -> None:
    estimator, embedding = random_table()
    table = batch_of(embedding, embedding[:, :2], usage=embedding[:, 2:].tolist())
    first, second = (estimator.train().loss(table).item() for _ in range(2))
    assert first != second
    assert estimator.eval().loss(table).item() == estimator.loss(table).item()


def test_the_trade_off_is_required() -> None:
    with pytest.raises(ValueError, match="rm-softmax needs a trade-off a row: its score depends on it"):
        RMSoftmax(1, 2)(torch.zeros(1, 1))


def test_unknown_usage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"trades quality against usage and some arm's usage is unknown: use mlp"):
        fitted(RMSoftmax(1, 2), batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, NAN]]))
