"""A multi-layer perceptron on the embedding."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, GradientTrained
from anabranch.routers.estimators.losses import masked_bce, masked_relative_mse


class MLP(GradientTrained):
    """Quality by a sigmoid head and usage by a softplus head on one hidden layer (RouterBench's MLP, multi-output).

    Args:
        width: D.
        arms: A.
        hidden: units of the hidden layer.
        dropout: share of hidden units dropped in training.
        usage_weight: weight of the usage loss against the quality loss.
    """

    source = "arXiv 2403.12031"
    specification = "code"

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        hidden: int = 256,
        dropout: float = 0.2,
        usage_weight: float = 0.1,
    ) -> None:
        super().__init__(width, arms)
        self.usage_weight = usage_weight
        self.trunk = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.quality = nn.Linear(hidden, arms)
        self.usage = nn.Linear(hidden, arms)
        self.usage_scale = ArmMean(arms)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage as the unit of its usage head, and its mean quality as the starting point."""
        whole = self._seen.stack()
        self.usage_scale.set(whole.usage)
        with torch.no_grad():
            self.quality.bias.copy_(whole.quality.nanmean(dim=0).clamp(0.01, 0.99).logit())
            self.usage.bias.fill_(0.5413)  # softplus(0.5413) = 1, the mean

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        logits, relative = self._heads(embedding)
        return Estimates(logits.sigmoid(), relative * self.usage_scale.mean, torch.zeros_like(logits))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of quality plus weighted relative squared error of usage."""
        logits, relative = self._heads(batch.embedding)
        usage_loss = masked_relative_mse(relative, batch.usage, self.usage_scale.mean)
        return masked_bce(logits, batch.quality) + self.usage_weight * usage_loss

    def _heads(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of quality, and usage in units of its scale."""
        # an unknown scale is NaN and must stay outside the loss: even times 0 it would spoil every gradient
        hidden = self.trunk(embedding)
        return self.quality(hidden), nn.functional.softplus(self.usage(hidden))
