"""Regression of every tool's score on the query."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, GradientTrained
from anabranch.routers.estimators.losses import masked_mean


class HomoRouter(GradientTrained):
    """Predict the score of every arm by least squares and call the cheapest that is good enough (Mu et al. 2024).

    Made for tools of one kind at a fixed price a call, so usage is each arm's mean. The policy's knob reaches from
    the cheapest arm to the paper's best-performance strategy at 1.

    Args:
        width: D.
        arms: A.
        hidden: units of the hidden layer.
        dropout: share of hidden units dropped in training.
    """

    policy = "cheapest-above"
    source = "arXiv 2406.12429"
    specification = "secondary"

    def __init__(self, width: int, arms: int, *, hidden: int = 256, dropout: float = 0.2) -> None:
        super().__init__(width, arms)
        self.trunk = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.score = nn.Linear(hidden, arms)
        self.usage = ArmMean(arms)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage, and its mean score as the starting point."""
        whole = self._seen.stack()
        self.usage.set(whole.usage)
        with torch.no_grad():
            self.score.bias.copy_(whole.quality.nanmean(dim=0))

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        quality = self._regressed(embedding).clamp(0.0, 1.0)
        return Estimates(quality, self.usage(embedding), torch.zeros_like(quality))

    def loss(self, batch: Batch) -> Tensor:
        """Squared error of quality."""
        error = self._regressed(batch.embedding) - batch.quality.nan_to_num(0.0)
        return masked_mean(error**2, ~batch.quality.isnan())

    def _regressed(self, embedding: Tensor) -> Tensor:
        """Scores before they are clipped; (B, D) -> (B, A)."""
        # clipped scores would have no gradient outside [0, 1]
        scores: Tensor = self.score(self.trunk(embedding))
        return scores
