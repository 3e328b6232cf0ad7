"""What can be said without reading the prompt."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm


class Zero(ClosedForm):
    """Each arm's mean quality and usage for every prompt (the zero router of RouterBench, Hu et al. 2024).

    The policy then answers everything with the arm that is best on average at trade-off 1, with the cheapest at 0, and
    between them with the corners of the convex hull of the arms' mean cost and quality. What another router adds to
    it, it owes to the prompt.

    Args:
        width: D.
        arms: A.
    """

    source = "arXiv 2403.12031"
    specification = "code"
    error: Tensor

    def __init__(self, width: int, arms: int) -> None:
        super().__init__(width, arms)
        self.quality = ArmMean(arms)
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self.register_buffer("error", torch.zeros(arms))  # standard error of the mean quality

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Average; an arm that was never tried is as good as the mean of the others."""
        whole = self._seen.stack()
        known = ~whole.quality.isnan()
        count = known.sum(dim=0).clamp(min=1)
        self.quality.set(torch.where(known.any(dim=0), whole.quality, whole.quality.nanmean()))
        self.usage.set(whole.usage)
        residual = (whole.quality - self.quality.mean).nan_to_num(0.0)
        self.error = (residual**2).sum(dim=0).sqrt() / count

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the standard error of the mean."""
        return Estimates(self.quality(embedding), self.usage(embedding), self.error.expand(embedding.shape[0], -1))
