"""A softmax over arms that learns soft labels."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, GradientTrained
from anabranch.routers.estimators.soft_labels import soft_cross_entropy, soft_labels


class SoftLabelMLP(GradientTrained):
    """One hidden layer and a softmax over arms, trained on soft labels (Stripelis et al. 2024, TO-Router's MLP router).

    Args:
        width: D.
        arms: A.
        temperature: of the soft labels, see `soft_labels`.
        hidden: units of the hidden layer.
        dropout: share of hidden units dropped in training.
    """

    quality_kind = "score"
    source = "arXiv 2408.12320"
    specification = "secondary"

    def __init__(
        self, width: int, arms: int, *, temperature: float = 10.0, hidden: int = 256, dropout: float = 0.2
    ) -> None:
        super().__init__(width, arms)
        self.temperature = temperature
        self.logits = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, arms))
        self.usage = ArmMean(arms)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage."""
        self.usage.set(self._seen.stack().usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; score is the arm's share, spread is unknown."""
        score = self.logits(embedding).softmax(dim=1)
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy against the soft labels."""
        return soft_cross_entropy(self.logits(batch.embedding), soft_labels(batch.quality, self.temperature))
