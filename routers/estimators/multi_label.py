"""One fine-tuned network that says which arms solve a prompt."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.losses import masked_mean


class MultiLabel(GradientTrained):
    """Fine-tune the encoder under one logit an arm, by binary cross-entropy (Srivatsa et al. 2024).

    Balanced weights let right and wrong answers of an arm count alike however rare one is. They shift the logits by
    a known constant, which is taken out again, so that quality is P(correct) with and without them.

    Args:
        width: D.
        arms: A.
        balanced: whether right and wrong answers weigh alike.
    """

    trains_encoder = True
    source = "arXiv 2405.00467"
    specification = "code"
    descent = Descent(epochs=10, batch_size=128, learning_rate=2e-5, max_steps=100_000)
    right: Tensor
    wrong: Tensor

    def __init__(self, width: int, arms: int, *, balanced: bool = False) -> None:
        super().__init__(width, arms)
        self.balanced = balanced
        self.logits = nn.Linear(width, arms)
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self.register_buffer("right", torch.ones(arms))  # weight of what was right
        self.register_buffer("wrong", torch.ones(arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage, and its share of right answers for the weights."""
        whole = self._seen.stack()
        self.usage.set(whole.usage)
        if self.balanced:
            share = whole.quality.nanmean(dim=0).nan_to_num(0.5).clamp(0.01, 0.99)
            self.right, self.wrong = 0.5 / share, 0.5 / (1 - share)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        # weights w multiply the odds that the network learns by w_right / w_wrong
        quality = (self.logits(embedding) - (self.right / self.wrong).log()).sigmoid()
        return Estimates(quality, self.usage(embedding), torch.zeros_like(quality))

    def loss(self, batch: Batch) -> Tensor:
        """Weighted cross-entropy."""
        logits, known = self.logits(batch.embedding), ~batch.quality.isnan()
        quality = batch.quality.nan_to_num(0.0)
        right = self.right * quality * functional.logsigmoid(logits)
        wrong = self.wrong * (1 - quality) * functional.logsigmoid(-logits)
        return masked_mean(-(right + wrong), known)
