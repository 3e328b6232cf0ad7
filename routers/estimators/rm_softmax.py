"""Regret minimisation over the whole trade-off, softmax-relaxed."""

import math

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.losses import masked_mean
from anabranch.routers.policies.argmax_utility import ODDS


class RMSoftmax(GradientTrained):
    """A score conditioned on the trade-off, trained to lose little utility at every trade-off (RM-Softmax).

    Utility is t q - (1 - t) c / scale, as in the argmax-utility policy; each row draws its own t in every step, and
    the loss is the expected regret sum_a softmax(f)_a (U* - U_a). The network reads the log odds of t, scaled to
    [-1, 1] over the range in which the trade-off matters; raw weights up to 1000 would swamp the embedding.

    Args:
        width: D.
        arms: A.
        hidden: units of the two hidden layers.
        seed: of the trade-offs drawn in training.
    """

    quality_kind = "score"
    reads_tradeoff = True
    policy = "conditioned"
    source = "Causal LLM Routing, NeurIPS 2025"
    specification = "secondary"
    descent = Descent(epochs=60, batch_size=256)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        hidden: int = 256,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.score = nn.Sequential(
            nn.Linear(width + 1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, arms)
        )
        self.usage = ArmMean(arms)
        self._draws = torch.Generator().manual_seed(seed)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage; the priciest is the unit of cost.

        Raises:
            ValueError: no usage is known, so there is nothing to trade off.
        """
        self.usage.set(self._seen.stack().usage)
        if self.usage.mean.isnan().any():
            raise ValueError("rm-softmax trades quality against usage and some arm's usage is unknown: use mlp")

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; the trade-off is required."""
        if tradeoff is None:
            raise ValueError("rm-softmax needs a trade-off a row: its score depends on it")
        score = self.score(torch.cat([embedding, _scaled(tradeoff).unsqueeze(1)], dim=1))
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Expected regret at one random trade-off a row; arms with unknown cells are left out of their row."""
        rows = len(batch.quality)
        spot = torch.rand(rows, generator=self._draws) if self.training else torch.linspace(0, 1, rows)
        tradeoff = _unscaled(2 * spot - 1).to(batch.quality)
        known = ~(batch.quality.isnan() | batch.usage.isnan())
        cost = batch.usage.nan_to_num(0.0) / self.usage.mean.max()
        weight = tradeoff.unsqueeze(1)
        utility = (weight * batch.quality.nan_to_num(0.0) - (1 - weight) * cost).masked_fill(~known, -torch.inf)
        score = self(batch.embedding, tradeoff).quality.masked_fill(~known, -1e9)
        regret = utility.amax(dim=1, keepdim=True) - utility  # (B, A)
        return masked_mean(score.softmax(dim=1) * regret.masked_fill(~known, 0.0), known.any(dim=1, keepdim=True))


def _scaled(tradeoff: Tensor) -> Tensor:
    """Log odds of the trade-off, 1 at the quality end and -1 at the cost end of the policy's range; (B,) -> (B,)."""
    odds = ((1 - tradeoff) / tradeoff.clamp(min=1e-6)).clamp(ODDS[1], ODDS[0])
    return 1 - 2 * (odds / ODDS[1]).log() / math.log(ODDS[0] / ODDS[1])


def _unscaled(spot: Tensor) -> Tensor:
    """The trade-off at a scaled log odds in [-1, 1]; (B,) -> (B,)."""
    odds = ODDS[1] * (math.log(ODDS[0] / ODDS[1]) * (1 - spot) / 2).exp()
    return 1 / (1 + odds)
