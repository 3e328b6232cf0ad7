"""Quality with its order: a loss on the arms' ranks against collapse to the priciest."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, GradientTrained
from anabranch.routers.estimators.losses import masked_mean


class EquiRouter(GradientTrained):
    """Predict quality by squared error and by a ranking loss over the arms of each prompt (EquiRouter).

    One trunk reads the prompt; each arm scales and shifts its features by a learnt vector of its own (FiLM). The
    ranking loss compares logits, not qualities as published: for arms that err independently, the log odds of one
    being right where the other is wrong are the difference of their logits, so both losses agree on what is true.

    Args:
        width: D.
        arms: A.
        hidden: units of the trunk.
        arm_width: length of an arm's vector.
        rank_weight: weight of the ranking loss against the squared error; published as 50, on qualities.
        seed: of the arms' vectors.
    """

    source = "arXiv 2602.03478"
    specification = "secondary"

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        hidden: int = 256,
        arm_width: int = 32,
        rank_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.rank_weight = rank_weight
        self.arm = nn.Parameter(torch.randn(arms, arm_width, generator=torch.Generator().manual_seed(seed)))
        self.trunk = nn.Linear(width, hidden)
        self.film = nn.Linear(arm_width, 2 * hidden)
        self.head = nn.Linear(hidden, 1)
        self.level = nn.Parameter(torch.zeros(arms))
        self.usage = ArmMean(arms)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Start from each arm's mean quality."""
        whole = self._seen.stack()
        self.usage.set(whole.usage)
        with torch.no_grad():
            self.level.copy_(whole.quality.nanmean(dim=0).nan_to_num(0.5).clamp(0.01, 0.99).logit())

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        logits = self._logits(embedding)
        return Estimates(logits.sigmoid(), self.usage(embedding), torch.zeros_like(logits))

    def loss(self, batch: Batch) -> Tensor:
        """Squared error of quality plus the weighted ranking loss."""
        logits = self._logits(batch.embedding)
        known = ~batch.quality.isnan()
        error = logits.sigmoid() - batch.quality.nan_to_num(0.0)
        return masked_mean(error**2, known) + self.rank_weight * ranking_loss(logits, batch.quality)

    def _logits(self, embedding: Tensor) -> Tensor:
        """Log odds of being right; (B, D) -> (B, A)."""
        scale, shift = self.film(self.arm).chunk(2, dim=1)  # (A, H) each
        features = functional.relu(self.trunk(embedding)).unsqueeze(1)  # (B, 1, H)
        lit = functional.relu((1 + scale) * features + shift)  # (B, A, H)
        logits: Tensor = self.head(lit).squeeze(2) + self.level
        return logits


def ranking_loss(score: Tensor, quality: Tensor) -> Tensor:
    """Mean of softplus(worse - better) over pairs of arms that differ in quality on a prompt; (B, A), (B, A) -> scalar.

    Pairs that tie, or of which one is unknown, count for nothing; without any pair the loss is 0.

    >>> round(float(ranking_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))), 4)  # log(1 + 1/e)
    0.3133
    """
    # of NaN no comparison is true
    better = quality.unsqueeze(2) > quality.unsqueeze(1)  # (B, A, A), the row's arm beats the column's
    return masked_mean(functional.softplus(score.unsqueeze(1) - score.unsqueeze(2)), better)
