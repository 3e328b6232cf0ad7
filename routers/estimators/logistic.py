"""Logistic regression on soft labels."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.linear import solve_ridge, with_constant


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
    usage_weight: Tensor

    def __init__(self, width: int, arms: int, *, l2: float = 1.0) -> None:
        super().__init__(width, arms)
        self.l2 = l2
        self._seen = Collected()
        self.register_buffer("weight", torch.zeros(width + 1, arms))
        self.register_buffer("usage_weight", torch.zeros(width + 1, arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit both parts."""
        whole = self._seen.stack()
        self.weight = fit_logistic(whole.embedding, whole.quality, self.l2).float()
        self.usage_weight = solve_ridge(whole.embedding, whole.usage, self.l2).weight.float()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        x = with_constant(embedding)
        quality = (x @ self.weight).sigmoid()
        return Estimates(quality, (x @ self.usage_weight).clamp(min=0.0), torch.zeros_like(quality))


def fit_logistic(embedding: Tensor, quality: Tensor, l2: float) -> Tensor:
    """Weights of A logistic regressions on soft labels, the constant last; (N, D), (N, A) -> float64 (D + 1, A).

    >>> w = fit_logistic(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [0.0]]), l2=1.0)
    >>> w.abs().max().item() < 1e-6
    True
    """
    x = with_constant(embedding.double())
    known = (~quality.isnan()).double()
    target = quality.double().nan_to_num(0.0)
    weight = torch.zeros(x.shape[1], quality.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = x @ weight
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, known, reduction="sum")
        total = loss + 0.5 * l2 * (weight[:-1] ** 2).sum()
        torch.autograd.backward(total)
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach()
