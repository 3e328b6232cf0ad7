"""A random forest on the embedding, in the graph."""

from collections.abc import Iterator

import torch
from sklearn.ensemble import RandomForestRegressor
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.trees import Grown, Trees

OUTCOMES = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
"""Which of a pair is right in RoRF's four classes: only the second, neither, both, only the first."""


class RoRF(ClosedForm):
    """A random forest of the probability that each arm is right (RoRF, Not Diamond).

    For a pair of arms the forest grows on RoRF's four classes and P(first is right) = P(both) + P(only the first).
    For more arms one forest has an output an arm, the generalisation. A quality between 0 and 1 is a probability: of
    the four classes those of two arms that err independently. Splits lower the Gini impurity of the classes, or the
    sum of the arms' variances.

    Args:
        width: D.
        arms: A.
        trees: of each forest.
        depth: of the deepest leaf, at most; also the number of steps in the graph.
        features: share of the embedding's dimensions tried at each split.
        leaf: prompts in a leaf, at least; it bounds the graph at 2 N / leaf nodes a tree.
        seed: of the forest.
    """

    source = "RoRF, Not Diamond"
    specification = "code"

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        trees: int = 100,
        depth: int = 20,
        features: float = 0.1,
        leaf: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self._forest = RandomForestRegressor(
            trees, max_depth=depth, max_features=features, min_samples_leaf=leaf, random_state=seed, n_jobs=-1
        )
        self._seen = Collected()
        self.trees = Trees(arms, depth)
        self.usage = ArmMean(arms)

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Grow a forest for every group of arms that are known on the same prompts."""
        whole = self._seen.stack()
        self.usage.set(whole.usage)
        self.trees.plant(list(self._grown(whole)))

    def _grown(self, whole: Batch) -> Iterator[Grown]:
        masks, group = torch.unique(~whole.quality.isnan(), dim=1, return_inverse=True)  # (N, G), (A,)
        for number, mask in enumerate(masks.T):
            quality = whole.quality[mask][:, group == number]
            targets, reading = _targets(quality) if self.arms == 2 else (quality, torch.eye(quality.shape[1]))
            spread_out = torch.zeros(reading.shape[0], self.arms)
            spread_out[:, group == number] = reading
            if mask.any():
                embedding = whole.embedding[mask].numpy()
                # one output is wanted as a vector
                fitted = self._forest.fit(embedding, targets.squeeze(1).double().numpy())
                yield from (Grown(tree, spread_out) for tree in fitted.estimators_)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the standard deviation between trees; an arm never tried scores 0."""
        leaf = self.trees(embedding)  # (B, T, A)
        count = self.trees.speaks.sum(dim=0).clamp(min=1)
        mean = leaf.sum(dim=1) / count
        apart = (leaf - mean.unsqueeze(1)) * self.trees.speaks
        return Estimates(mean, self.usage(embedding), ((apart**2).sum(dim=1) / count).sqrt())


def _targets(quality: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities of the four classes where both arms of a pair are known, and how to read them."""
    if quality.shape[1] < 2:
        return quality, torch.eye(1)
    chance = torch.where(OUTCOMES == 1, quality.unsqueeze(1), 1 - quality.unsqueeze(1))  # (N, 4, 2)
    return chance.prod(dim=2), OUTCOMES
