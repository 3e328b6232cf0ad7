"""Ridge regression, with the uncertainty that bandits need."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.linear import solve_ridge, with_constant


class Ridge(ClosedForm):
    """Quality and usage linear in the embedding, one regression an arm (the plug-in linear router; LinUCB's model).

    Quality is clipped to [0, 1]. Spread is sigma_a |x| in the metric of the inverse Gram matrix, the posterior's
    standard deviation.

    Args:
        width: D.
        arms: A.
        l2: strength of the shrinkage.
    """

    source = "arXiv 1003.0146, section 3.1"
    specification = "code"
    weight: Tensor
    factor: Tensor
    group: Tensor
    sigma: Tensor

    def __init__(self, width: int, arms: int, *, l2: float = 1.0) -> None:
        super().__init__(width, arms)
        self.l2 = l2
        self._seen = Collected()
        self.register_buffer("weight", torch.zeros(width + 1, 2 * arms))  # quality, then usage
        self.register_buffer("factor", torch.zeros(1, width + 1, width + 1))
        self.register_buffer("group", torch.zeros(arms, dtype=torch.int64))
        self.register_buffer("sigma", torch.zeros(arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Solve both regressions."""
        whole = self._seen.stack()
        quality = solve_ridge(whole.embedding, whole.quality, self.l2)
        usage = solve_ridge(whole.embedding, whole.usage, self.l2)
        self.weight = torch.cat([quality.weight, usage.weight], dim=1).float()
        self.factor = quality.factor.float()
        self.group = quality.group
        self.sigma = quality.sigma.float()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`."""
        x = with_constant(embedding)  # (B, D + 1)
        cells = x @ self.weight  # (B, 2A)
        deviation = torch.linalg.vector_norm(x @ self.factor.transpose(1, 2), dim=2).T  # (B, G)
        quality = cells[:, : self.arms].clamp(0.0, 1.0)
        usage = cells[:, self.arms :].clamp(min=0.0)
        return Estimates(quality, usage, deviation[:, self.group] * self.sigma)
