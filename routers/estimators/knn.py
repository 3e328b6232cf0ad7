"""k nearest neighbours, in the graph."""

from typing import Literal

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised


class KNN(ClosedForm):
    """Average the outcomes of the k most similar training prompts (Li 2025).

    Triangular weights fall to zero at the (k + 1)-th neighbour, so the estimate is a continuous function of the
    embedding: rounding cannot swap a whole neighbour in or out, and the graph agrees with training.

    Args:
        width: D.
        arms: A.
        k: neighbours; the most important setting, worth tuning.
        weights: triangular in cosine similarity, or uniform as in the paper.
    """

    source = "arXiv 2505.12601"
    holds_prompts = True
    index: Tensor
    targets: Tensor
    known: Tensor
    fallback: Tensor

    def __init__(
        self, width: int, arms: int, *, k: int = 64, weights: Literal["triangular", "uniform"] = "triangular"
    ) -> None:
        super().__init__(width, arms)
        self.k = k
        self.weights = weights
        self._seen = Collected()
        self.register_buffer("index", torch.zeros(0, width))  # unit rows
        self.register_buffer("targets", torch.zeros(0, 2 * arms))  # quality, then usage; unknown cells are 0
        self.register_buffer("known", torch.zeros(0, 2 * arms))  # 1 where known
        self.register_buffer("fallback", torch.zeros(2 * arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Lay out the index."""
        whole = self._seen.stack()
        targets = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        self.index = normalised(whole.embedding)
        self.known = (~targets.isnan()).float()
        self.targets = targets.nan_to_num(0.0)
        self.fallback = known_mean(targets)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the weighted standard error."""
        similarity = normalised(embedding) @ self.index.T  # (B, N)
        top, row = similarity.topk(min(self.k + 1, self.index.shape[0]), dim=1)  # (B, k + 1)
        weight = self._weight(top).unsqueeze(2) * self.known[row]  # (B, k + 1, 2A)
        near = self.targets[row]
        total = weight.sum(dim=1)
        mean = (weight * near).sum(dim=1) / total.clamp(min=1e-12)  # (B, 2A)
        variance = (weight * (near - mean.unsqueeze(1)) ** 2).sum(dim=1) / total.clamp(min=1e-12)
        share = (weight**2).sum(dim=1) / total.clamp(min=1e-12) ** 2  # one over the effective number
        mean = torch.where(total > 0, mean, self.fallback)
        spread = (variance * share)[:, : self.arms].sqrt()
        return Estimates(mean[:, : self.arms], mean[:, self.arms :], spread)

    def _weight(self, top: Tensor) -> Tensor:
        """Weights of the nearest by falling similarity; (B, k + 1) -> (B, k + 1)."""
        if self.weights == "uniform":
            last = torch.arange(top.shape[1], device=top.device) < self.k
            return last.to(top.dtype).expand_as(top)
        # the small constant keeps rows of equal similarity at equal weight
        return top - top[:, -1:] + 1e-5
