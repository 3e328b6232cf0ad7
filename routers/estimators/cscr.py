"""Prompts and arms in one space, drawn together by what is right and cheap."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained, normalised
from anabranch.routers.estimators.losses import masked_mean


class CSCR(GradientTrained):
    """Pull a prompt towards the arms that answer it right, the cheaper the more (cost-spectrum contrastive routing).

    The nearest arm answers: a lookup among A unit vectors, which is a dot product. A right arm pulls with
    exp(-cost_weight * c / c of the priciest arm), c being its mean usage; where some arm's usage is unknown all pull
    alike. What is known of the method is its one-line idea; the form is ours.

    Args:
        width: D.
        arms: A.
        space: dimensions of the shared space.
        temperature: of the similarity in the loss.
        cost_weight: how much faster a cheap arm pulls; 0 looks at quality alone.
        seed: of the arms' vectors.
    """

    quality_kind = "score"
    source = "arXiv 2508.12491"
    specification = "ours"
    descent = Descent(learning_rate=3e-3)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        space: int = 64,
        temperature: float = 0.2,
        cost_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.temperature = temperature
        self.cost_weight = cost_weight
        self.prompt = nn.Linear(width, space)
        self.arm = nn.Parameter(torch.randn(arms, space, generator=torch.Generator().manual_seed(seed)))
        self.usage = ArmMean(arms)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Learn each arm's mean usage."""
        self.usage.set(self._seen.stack().usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; quality is the cosine to the arm, spread is unknown."""
        score = normalised(self.prompt(embedding)) @ normalised(self.arm).T
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Contrast of the right arms with all known arms of their prompt."""
        score = self(batch.embedding).quality / self.temperature
        return contrastive_loss(score, batch.quality, cheapness(self.usage.mean, self.cost_weight))


def cheapness(usage: Tensor, cost_weight: float) -> Tensor:
    """The pull of a right arm, 1 if it is free; all 1 where some arm's usage is unknown; (A,) -> (A,).

    >>> [round(pull, 3) for pull in cheapness(torch.tensor([0.0, 1.0, 2.0]), cost_weight=1.0).tolist()]
    [1.0, 0.607, 0.368]
    """
    relative = usage / usage.max().clamp(min=1e-12)
    return (-cost_weight * relative).exp().where(~usage.isnan().any(), torch.ones_like(usage))


def contrastive_loss(score: Tensor, quality: Tensor, pull: Tensor) -> Tensor:
    """Cross-entropy of the softmax over a prompt's known arms to quality times pull, as shares; -> scalar.

    A prompt that no arm answers right teaches nothing.

    Args:
        score: float [B, A], similarity over temperature.
        quality: float [B, A]; NaN is unknown.
        pull: float [A], weight of a right answer.

    >>> loss = contrastive_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.ones(2))
    >>> round(float(loss), 4)  # log 2
    0.6931
    """
    known = ~quality.isnan()
    wanted = quality.nan_to_num(0.0) * pull
    total = wanted.sum(dim=1, keepdim=True)
    log_share = functional.log_softmax(score.masked_fill(~known, -1e9), dim=1)
    return masked_mean(-wanted / total.clamp(min=1e-12) * log_share, total > 0)
