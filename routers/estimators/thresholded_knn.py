"""Which arms the nearest prompts predict to be right."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.task_choice import predicted_right


class ThresholdedKNN(ClosedForm):
    """Score 1 for arms that most of the nearest prompts' outcomes call right (Shnitzer et al. 2023, score S2).

    Predictions tie often; ties go to the arm that is better on average, by a hundredth of its mean quality.

    Args:
        width: D.
        arms: A.
        k: neighbours, uniformly weighted.
        threshold: mean quality of the neighbours above which an arm is predicted right.
    """

    quality_kind = "score"
    holds_prompts = True
    source = "arXiv 2309.15789"
    specification = "secondary"
    average: Tensor

    def __init__(self, width: int, arms: int, *, k: int = 5, threshold: float = 0.5) -> None:
        super().__init__(width, arms)
        self.threshold = threshold
        self.knn = KNN(width, arms, k=k, weights="uniform")
        self._seen = Collected()
        self.register_buffer("average", torch.zeros(arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Lay out the index and average the outcomes."""
        whole = self._seen.stack()
        self.average = known_mean(whole.quality)
        self.knn.observe(whole)
        self.knn.finalise()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        near: Estimates[Tensor] = self.knn(embedding)
        score = predicted_right(near.quality, self.threshold) + 0.01 * self.average
        return Estimates(score, near.usage, torch.zeros_like(score))
