"""Predictions of the nearest prompts, discounted by how far they can be trusted."""

import logging
from collections.abc import Iterator

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.nadaraya_watson import NadarayaWatson
from anabranch.routers.estimators.task_choice import discounted, predicted_right, sure_choice

log = logging.getLogger(__name__)


class TrustedKNN(ClosedForm):
    """Expected accuracy of doubtful predictions, and the best arm on average unless surely beaten (S3).

    Each arm is predicted right or wrong by the nearest prompts, and the prediction is true with a probability p that
    falls with the prompt's distance from the training set (Shnitzer et al. 2023). The paper asks once a task how far
    the task is; for a single prompt the prompt itself is the task, which is our reading. p comes from prompts left
    out: each task in turn, which are far away, and folds of all prompts, which are near; so a training set of one
    task has folds only, and is told so.

    Args:
        width: D.
        arms: A.
        k: neighbours of the predictions, uniformly weighted.
        threshold: mean quality of the neighbours above which an arm is predicted right.
        eta: an arm must beat the best one on average with a probability above it.
        nearest: training prompts whose mean cosine distance is the prompt's.
        bandwidth: of the regression of p on the distance; chosen by leave-one-out if None.
        folds: of all prompts.
        seed: of the folds.
    """

    quality_kind = "score"
    holds_prompts = True
    source = "arXiv 2309.15789"
    specification = "secondary"
    average: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        k: int = 5,
        threshold: float = 0.5,
        eta: float = 0.6,
        nearest: int = 19,
        bandwidth: float | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.k = k
        self.threshold = threshold
        self.eta = eta
        self.nearest = nearest
        self.folds = folds
        self.seed = seed
        self.knn = KNN(width, arms, k=k, weights="uniform")
        self.reliability = NadarayaWatson(arms, bandwidth)
        self._seen = Collected()
        self.register_buffer("average", torch.zeros(arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Lay out the index, and predict what is left out to learn how far predictions can be trusted."""
        whole = self._seen.stack()
        self.average = known_mean(whole.quality).nan_to_num(0.0)
        self.knn.observe(whole)
        self.knn.finalise()
        tried = [self._tried(whole, out) for out in left_out(whole.task, self.folds, self.seed)]
        # a single prompt cannot be left out: its predictions are worth a coin's
        distance, accuracy = zip(*tried, strict=True) if tried else ([torch.zeros(())], [torch.full((self.arms,), 0.5)])
        self.reliability.fit(torch.stack([*distance]), torch.stack([*accuracy]))

    def _tried(self, whole: Batch, out: Tensor) -> tuple[Tensor, Tensor]:
        """How far the rows left out are from the rest, and how often the rest predicts each arm right on them."""
        rest = KNN(self.width, self.arms, k=self.k, weights="uniform")
        rest.observe(Batch(*(part[~out] for part in whole)))
        rest.finalise()
        pieces = torch.split(whole.embedding[out], 1024)
        right = torch.cat([predicted_right(rest(piece).quality, self.threshold) for piece in pieces])
        distance = torch.cat([self._distance(piece, rest.index) for piece in pieces])
        # graded quality: a prediction is as true as the answer is good
        return distance.mean(), known_mean(discounted(right, whole.quality[out]))

    def _distance(self, embedding: Tensor, index: Tensor) -> Tensor:
        """Mean cosine distance to the nearest rows of a unit index; (B, D), (N, D) -> (B,)."""
        similarity = normalised(embedding) @ index.T
        return 1 - similarity.topk(min(self.nearest, len(index)), dim=1).values.mean(dim=1)

    def trust(self, embedding: Tensor) -> Tensor:
        """p, the probability that a prediction is true, at least 1/2; (B, D) -> (B, A)."""
        # below 1/2 a prediction would say its opposite, which no one has measured
        truth: Tensor = self.reliability(self._distance(embedding, self.knn.index))
        return truth.nan_to_num(0.5).clamp(0.5, 1.0)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; score is S3, plus 1 for the best arm on average where it is kept."""
        near: Estimates[Tensor] = self.knn(embedding)
        trust = self.trust(embedding)
        expected = discounted(predicted_right(near.quality, self.threshold), trust)
        chosen = sure_choice(expected, trust * (1 - trust), self.average, self.eta).unsqueeze(1)  # (B, 1)
        best = self.average.argmax()
        kept = (chosen == best) & (torch.arange(self.arms, device=chosen.device) == best)  # (B, A)
        score = expected + kept.to(expected.dtype)
        return Estimates(score, near.usage, torch.zeros_like(score))


def left_out(task: Tensor, folds: int, seed: int) -> Iterator[Tensor]:
    """Masks bool (N,) of what to leave out: each task if there are several, then each fold; none for a single row."""
    tasks = torch.unique(task[task >= 0])
    if len(tasks) > 1:
        yield from (task == number for number in tasks)
    elif len(task) > 1:
        log.warning(
            "benchmark-routing S3 learns from leaving out tasks, and the training prompts have fewer than two: it "
            "leaves out folds only, so prompts unlike all of them are trusted as if they were alike"
        )
    count = min(folds, len(task)) if len(task) > 1 else 0
    fold = torch.randperm(len(task), generator=torch.Generator().manual_seed(seed)) % max(count, 1)
    yield from (fold == number for number in range(count))
