"""Which (model, samples) arms are as good as the best model."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, GradientTrained
from anabranch.routers.estimators.losses import masked_mean


class BestRoute(GradientTrained):
    """Predict for every arm P(it matches the reference arm) - P(it does not) (Ding et al. 2025, BEST-Route).

    The reference is the arm of the highest mean quality; its own score is 1. Made for arms `model#n`, one a model and
    number of samples, under the cheapest-above policy.

    Args:
        width: D.
        arms: A.
        hidden: units of the hidden layer.
        dropout: share of hidden units dropped in training.
        slack: how much worse an answer may be and still match; in units of quality.
    """

    quality_kind = "score"
    policy = "cheapest-above"
    source = "arXiv 2506.22716"
    specification = "code"
    reference: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        hidden: int = 256,
        dropout: float = 0.2,
        slack: float = 0.0,
    ) -> None:
        super().__init__(width, arms)
        self.slack = slack
        self.match = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, arms))
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self.register_buffer("reference", torch.zeros(arms))  # one-hot

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Name the reference."""
        whole = self._seen.stack()
        best = whole.quality.nanmean(dim=0).nan_to_num(-1.0).argmax()
        self.reference = functional.one_hot(best, self.arms).float()
        self.usage.set(whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; score in [-1, 1], spread is unknown."""
        score = 2 * self.match(embedding).sigmoid() - 1
        score = score * (1 - self.reference) + self.reference
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy against the share of sample pairs in which the arm matches the reference."""
        target = match_probability(batch.samples, self.reference.argmax(), self.slack)
        known = ~target.isnan() & (self.reference == 0)
        logits = self.match(batch.embedding)
        loss = functional.binary_cross_entropy_with_logits(logits, target.nan_to_num(0.0), reduction="none")
        return masked_mean(loss, known)


def match_probability(samples: Tensor, reference: Tensor, slack: float) -> Tensor:
    """Share of (arm sample, reference sample) pairs with arm >= reference - slack; NaN if either has no sample.

    Args:
        samples: float [B, A, R], NaN padded.
        reference: int64 scalar, the reference arm.
        slack: in units of quality.

    >>> samples = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]])
    >>> match_probability(samples, torch.tensor(1), 0.0).tolist()
    [[0.5, 1.0]]
    """
    rival = samples[:, reference]  # (B, R)
    wins = samples.unsqueeze(3) >= rival[:, None, None, :] - slack  # (B, A, R, R)
    known = ~samples.isnan().unsqueeze(3) & ~rival.isnan()[:, None, None, :]
    pairs = known.sum(dim=(2, 3))
    share = (wins & known).sum(dim=(2, 3)) / pairs.clamp(min=1)
    return share.masked_fill(pairs == 0, torch.nan)
