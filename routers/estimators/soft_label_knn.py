"""Soft labels of the nearest prompts."""

from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.neighbours import NeighbourWeights
from anabranch.routers.estimators.soft_labels import soft_labels


class SoftLabelKNN(ClosedForm):
    """Average the soft labels of the nearest prompts (Stripelis et al. 2024, TO-Router's kNN router).

    Args:
        width: D.
        arms: A.
        temperature: of the soft labels, see `soft_labels`.
        k: neighbours.
        weights: of the neighbours.
    """

    quality_kind = "score"
    holds_prompts = True
    source = "arXiv 2408.12320"
    specification = "secondary"

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        temperature: float = 10.0,
        k: int = 64,
        weights: NeighbourWeights = "triangular",
    ) -> None:
        super().__init__(width, arms)
        self.temperature = temperature
        self.knn = KNN(width, arms, k=k, weights=weights)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Index the prompts by their soft labels."""
        whole = self._seen.stack()
        self.knn.observe(whole._replace(quality=soft_labels(whole.quality, self.temperature)))
        self.knn.finalise()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; score is the mean label, spread its standard error."""
        estimates: Estimates[Tensor] = self.knn(embedding)
        return estimates
