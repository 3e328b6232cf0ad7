"""One arm for all prompts of a task, from how likely each arm is to be right on each."""

from statistics import NormalDist
from typing import Literal, NamedTuple

import torch
from torch import Tensor


class TaskScores(NamedTuple):
    """What n prompts of a task say about A arms.

    Attributes:
        s1: float [A], mean quality.
        s2: float [A], share of prompts on which the arm is predicted right.
        s3: float [A], expected accuracy when predictions are right with probability p.
    """

    s1: Tensor
    s2: Tensor
    s3: Tensor


def task_scores(quality: Tensor, trust: Tensor, threshold: float = 0.5) -> TaskScores:
    """The three scores of a task.

    Args:
        quality: float [n, A], P(arm is right) by the estimator.
        trust: float [A], p, the probability that a thresholded prediction is true on this task.
        threshold: P above which an arm is predicted right.

    >>> quality = torch.tensor([[0.9, 0.4], [0.6, 0.8]])
    >>> [part.tolist() for part in task_scores(quality, torch.tensor([0.75, 0.5]))]
    [[0.75, 0.6000000238418579], [1.0, 0.5], [0.75, 0.5]]
    """
    s2 = predicted_right(quality, threshold).mean(dim=0)
    return TaskScores(quality.mean(dim=0), s2, discounted(s2, trust))


def choose_for_task(
    quality: Tensor,
    average: Tensor,
    trust: Tensor,
    kind: Literal["S1", "S2", "S3"] = "S3",
    threshold: float = 0.5,
    eta: float = 0.6,
) -> int:
    """The arm for a task: the best score, and for S3 only if it beats the best arm on average for sure enough.

    Args:
        quality: float [n, A], as for `task_scores`.
        average: float [A], mean quality over the tasks that are known; ties go to the higher.
        trust: float [A], as for `task_scores`; means something to S3 only.
        kind: of the score.
        threshold: as for `task_scores`.
        eta: as for `sure_choice`.
    """
    s1, s2, s3 = task_scores(quality, trust, threshold)
    if kind == "S3":
        variance = trust * (1 - trust) / len(quality)
        return int(sure_choice(s3[None], variance[None], average, eta)[0])
    return int(leader((s1 if kind == "S1" else s2)[None], average)[0])


def predicted_right(quality: Tensor, threshold: float) -> Tensor:
    """1 where quality is above the threshold, else 0; any shape."""
    # a mean that equals the threshold must not pass by rounding
    return (quality > threshold + 1e-6).float()


def discounted(right: Tensor, trust: Tensor) -> Tensor:
    """Share of right answers if predictions of `right` are true with probability `trust`, else false; any shapes.

    >>> discounted(torch.tensor([1.0, 0.5, 0.0]), torch.tensor(0.75)).tolist()
    [0.75, 0.5, 0.25]
    """
    return right * trust + (1 - right) * (1 - trust)


def leader(score: Tensor, average: Tensor) -> Tensor:
    """The arm of the best score, of equals the one that is better on average; (B, A), (A,) -> int64 (B,)."""
    tied = score >= score.amax(dim=1, keepdim=True) - 1e-6
    return torch.where(tied, average, -torch.inf).argmax(dim=1)


def sure_choice(score: Tensor, variance: Tensor, average: Tensor, eta: float) -> Tensor:
    """The leader if it beats the best arm on average with a probability above eta, else that arm.

    The difference of the two is taken for normal, so P = Phi(difference / sqrt(sum of variances)).

    Args:
        score: float [B, A].
        variance: float [B, A], of each score.
        average: float [A], as for `leader`.
        eta: a probability.

    Returns:
        Tensor: int64 [B].
    """
    best = average.argmax()
    first = leader(score, average)
    lead = score.gather(1, first[:, None])[:, 0] - score[:, best]
    noise = (variance.gather(1, first[:, None])[:, 0] + variance[:, best]).sqrt()
    return torch.where(lead > NormalDist().inv_cdf(eta) * noise, first, best)
