"""The arm of the highest utility as a class."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.losses import masked_mean
from anabranch.routers.estimators.utility import (
    drawn_tradeoffs,
    required,
    score_network,
    set_usage,
    utility,
    with_tradeoff,
)


class RMClassification(GradientTrained):
    """A score conditioned on the trade-off, trained to name the arm of the highest utility (RM-Classification).

    Utility, trade-offs and network are those of RM-Softmax; the loss is the cross-entropy to the winning arm, whatever
    it wins by. Arms that tie share the label.

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

    def __init__(self, width: int, arms: int, *, hidden: int = 256, seed: int = 0) -> None:
        super().__init__(width, arms)
        self.score = score_network(width, arms, hidden)
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
        set_usage(self.usage, self._seen.stack().usage, "rm-classification")

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; the trade-off is required."""
        score = self.score(with_tradeoff(embedding, required(tradeoff, "rm-classification")))
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy to the best arm at one random trade-off a row; unknown cells are left out of their row."""
        tradeoff = drawn_tradeoffs(len(batch.quality), self._draws if self.training else None).to(batch.quality)
        score = self(batch.embedding, tradeoff).quality
        return best_arm_cross_entropy(score, utility(batch, tradeoff, self.usage.mean))


def best_arm_cross_entropy(score: Tensor, value: Tensor) -> Tensor:
    """Cross-entropy to the arms of the highest utility, in equal shares; (B, A), (B, A) -> scalar.

    Args:
        score: float [B, A], logits.
        value: float [B, A], utility; -inf is unknown.

    >>> round(float(best_arm_cross_entropy(torch.zeros(1, 2), torch.tensor([[0.5, 0.1]]))), 4)  # log 2
    0.6931
    """
    known = value.isfinite()
    best = known & (value == value.amax(dim=1, keepdim=True))
    share = best / best.sum(dim=1, keepdim=True).clamp(min=1)
    log_chance = score.masked_fill(~known, -1e9).log_softmax(dim=1)
    return masked_mean(-share * log_chance, known.any(dim=1, keepdim=True))
