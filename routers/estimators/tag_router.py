"""Scores of every tag, added up over a prompt's tags."""

from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.discovered import discovered
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.label_table import LabelTable
from anabranch.routers.estimators.linear import with_constant
from anabranch.routers.estimators.logistic import fit_logistic
from anabranch.routers.estimators.task_classifier import task_labels


class TagRouter(ClosedForm):
    """Add up, over a prompt's tags, how often an arm beats, ties with or loses to the reference (Chen et al. 2025).

    The published tags are text that a fine-tuned language model writes, out of reach of a frozen encoder. Here a tag
    is a task of the training set or a cluster of its prompts, and one logistic regression a tag reads it from the
    embedding. The reference is the arm of the highest mean quality.

    Args:
        width: D.
        arms: A.
        granularities: numbers of clusters, one set of discovered tags each.
        win: reward of a prompt on which the arm is better than the reference.
        tie: reward of a prompt on which both are equal.
        loss: reward of a prompt on which it is worse.
        slack: how far apart two qualities still tie; in units of quality.
        prior: a tag on n prompts weighs its summed rewards by 1 / (n + prior), this many being mean prompts.
        l2: strength of the tag regressions' shrinkage.
        seed: of k-means.
    """

    quality_kind = "score"
    source = "arXiv 2506.12473"
    specification = "secondary"
    tags: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        granularities: tuple[int, ...] = (8, 32),
        win: float = 1.0,
        tie: float = 0.15,
        loss: float = -1.0,
        slack: float = 0.0,
        prior: float = 5.0,
        l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.granularities = granularities
        self.win = win
        self.tie = tie
        self.loss = loss
        self.slack = slack
        self.prior = prior
        self.l2 = l2
        self.seed = seed
        self.score = LabelTable(arms)
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self.register_buffer("tags", torch.zeros(width + 1, 1))  # one logistic regression a tag

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Tag the prompts, learn to tag others, and score every tag.

        Raises:
            ValueError: some arm shares no prompt with the reference, so nothing compares them.
        """
        whole = self._seen.stack()
        unit = normalised(whole.embedding)
        tags = training_tags(unit, whole.task, self.granularities, self.seed)
        self.tags = fit_logistic(unit, tags, self.l2).float()
        reference = int(whole.quality.nanmean(dim=0).nan_to_num(-1.0).argmax())
        reward = rewards(whole.quality, reference, (self.win, self.tie, self.loss), self.slack)
        alone = reward.isnan().all(dim=0)
        if alone.any():
            raise ValueError(
                f"tag-router compares arms with the reference, arm {reference}, on the same prompts, and arm "
                f"{int(alone.int().argmax())} shares none with it: label more prompts with both, or use knn"
            )
        self.score.set(tags.nan_to_num(0.0), reward, self.prior)
        self.usage.set(whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        chance = (with_constant(normalised(embedding)) @ self.tags).sigmoid()  # (B, T)
        score = self.score(chance)
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))


def training_tags(unit: Tensor, task: Tensor, granularities: Sequence[int], seed: int) -> Tensor:
    """Tags of the training prompts: their task, then their cluster at every granularity.

    Args:
        unit: float [N, D], unit rows.
        task: int64 [N], -1 where unknown.
        granularities: numbers of clusters.
        seed: of k-means.

    Returns:
        Tensor: float32 [N, T], 0 or 1; the task tags are NaN where the task is unknown.
    """
    tasks = task_labels(task).masked_fill((task < 0).unsqueeze(1), torch.nan)
    return torch.cat([tasks, *(task_labels(discovered(unit, count, seed)) for count in granularities)], dim=1)


def rewards(quality: Tensor, reference: int, reward: tuple[float, float, float], slack: float) -> Tensor:
    """What each arm earns against the reference; (N, A) -> (N, A), NaN where either is unknown.

    Args:
        quality: float [N, A].
        reference: the arm that the others are compared with; it ties with itself.
        reward: of a win, a tie and a loss.
        slack: how far apart two qualities still tie.

    >>> rewards(torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), 0, (1.0, 0.15, -1.0), 0.0)[:, 1].tolist()
    [1.0, -1.0, 0.15000000596046448]
    """
    win, tie, loss = reward
    gain = quality - quality[:, reference].unsqueeze(1)
    earned = torch.full_like(quality, tie).masked_fill(gain > slack, win).masked_fill(gain < -slack, loss)
    return earned.masked_fill(gain.isnan(), torch.nan)
