"""Logistic regression on soft labels."""

import torch
from torch import Tensor
from torch.nn import functional

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.linear import with_constant
from anabranch.routers.estimators.linear_usage import LinearUsage
from anabranch.routers.estimators.minimised import minimised


class Logistic(ClosedForm):
    """P(correct) by one logistic regression an arm; usage by ridge regression.

    The convex loss is minimised to convergence by L-BFGS in one go over all arms.

    Args:
        width: D.
        arms: A.
        l2: strength of the shrinkage of the weights (not of the constant).
    """

    source = "the separate-classifiers router of arXiv 2405.00467, linear"
    specification = "code"
    weight: Tensor

    def __init__(self, width: int, arms: int, *, l2: float = 1.0) -> None:
        super().__init__(width, arms)
        self.l2 = l2
        self.usage = LinearUsage(width, arms, l2=l2)
        self._seen = Collected()
        self.register_buffer("weight", torch.zeros(width + 1, arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit both parts."""
        whole = self._seen.stack()
        self.weight = fit_logistic(whole.embedding, whole.quality, self.l2).float()
        self.usage.set(whole.embedding, whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        quality = (with_constant(embedding) @ self.weight).sigmoid()
        return Estimates(quality, self.usage(embedding), torch.zeros_like(quality))


def fit_logistic(embedding: Tensor, quality: Tensor, l2: float) -> Tensor:
    """Weights of A logistic regressions on soft labels, the constant last; (N, D), (N, A) -> float64 (D + 1, A).

    >>> w = fit_logistic(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [0.0]]), l2=1.0)
    >>> w.abs().max().item() < 1e-6
    True
    """
    x = with_constant(embedding.double())
    known = (~quality.isnan()).double()
    target = quality.double().nan_to_num(0.0)

    def loss(weight: Tensor) -> Tensor:
        fit = functional.binary_cross_entropy_with_logits(x @ weight, target, known, reduction="sum")
        return fit + 0.5 * l2 * (weight[:-1] ** 2).sum()

    return minimised(loss, x.shape[1], quality.shape[1])
