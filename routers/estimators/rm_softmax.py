"""Regret minimisation over the whole trade-off, softmax-relaxed."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.utility import (
    drawn_tradeoffs,
    expected_regret,
    required,
    score_network,
    set_usage,
    utility,
    with_tradeoff,
)


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
        set_usage(self.usage, self._seen.stack().usage, "rm-softmax")

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; the trade-off is required."""
        score = self.score(with_tradeoff(embedding, required(tradeoff, "rm-softmax")))
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Expected regret at one random trade-off a row; arms with unknown cells are left out of their row."""
        tradeoff = drawn_tradeoffs(len(batch.quality), self._draws if self.training else None).to(batch.quality)
        score = self(batch.embedding, tradeoff).quality
        return expected_regret(score, utility(batch, tradeoff, self.usage.mean))
