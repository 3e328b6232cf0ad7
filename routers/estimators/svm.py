"""Linear support vector regression."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.linear import with_constant
from anabranch.routers.estimators.linear_usage import LinearUsage


class SVM(ClosedForm):
    """Quality by one linear support vector regression an arm (RouterBench's SVM); usage by ridge regression.

    The loss is the absolute error beyond a margin, so that with right-or-wrong labels the fit leans towards the more
    likely of the two: a score for ranking arms, not an expected quality.

    Args:
        width: D.
        arms: A.
        l2: strength of the shrinkage, 1 / C.
        margin: error that costs nothing, in units of quality.
        seed: of the solver's order of steps.
    """

    quality_kind = "score"
    source = "arXiv 2403.12031"
    specification = "code"
    weight: Tensor

    def __init__(self, width: int, arms: int, *, l2: float = 1.0, margin: float = 0.0, seed: int = 0) -> None:
        super().__init__(width, arms)
        self.l2 = l2
        self.margin = margin
        self.seed = seed
        self.usage = LinearUsage(width, arms, l2=l2)
        self._seen = Collected()
        self.register_buffer("weight", torch.zeros(width + 1, arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit every arm on the prompts where its quality is known."""
        whole = self._seen.stack()
        self.weight = torch.stack([self._fitted(whole.embedding, quality) for quality in whole.quality.T], dim=1)
        self.usage.set(whole.embedding, whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        score = with_constant(embedding) @ self.weight
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def _fitted(self, embedding: Tensor, quality: Tensor) -> Tensor:
        """One arm's weights, the constant last; (N, D), (N,) -> (D + 1,)."""
        from sklearn.svm import LinearSVR

        known = ~quality.isnan()
        # the library's 1,000 steps stop short of the optimum
        model = LinearSVR(C=1 / self.l2, epsilon=self.margin, max_iter=100_000, random_state=self.seed)
        model.fit(embedding[known].double().numpy(), quality[known].double().numpy())
        return torch.tensor([*model.coef_, float(model.intercept_[0])], dtype=torch.float32)
