"""Kernel ridge regression on unit embeddings, around what is known without the prompt."""

from typing import Literal

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.label_table import LabelTable
from anabranch.routers.estimators.task_classifier import TaskClassifier, task_labels

TASK_PRIOR = 5.0  # prompts' worth of the overall mean in every task's row


class KernelRidge(ClosedForm):
    """A smooth function of the embedding that falls back to the arms' averages far from all training prompts.

    f(x) = prior(x) + sum_n w_n exp((cos(x, x_n) - 1) / reach): the mean of a Gaussian process, whose departures from
    the prior die out with distance. Above `landmarks` prompts the sum runs over as many of them, drawn at random, and
    the fit still sees all.

    Args:
        width: D.
        arms: A.
        reach: how far in cosine a training prompt is heard; 0.6 is broad, 0.1 is narrow.
        l2: strength of the shrinkage to the prior; the noise of a label over the variance of the function.
        prior: mean, the arms' averages; or tasks, their averages on the tasks a classifier takes the prompt for.
        landmarks: most terms of the sum.
        seed: of the landmarks.
    """

    holds_prompts = True
    source = "Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, sections 2.2 and 8.3.1"
    specification = "ours"
    index: Tensor
    weight: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        reach: float = 0.6,
        l2: float = 3.0,
        prior: Literal["mean", "tasks"] = "mean",
        landmarks: int = 1024,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.reach = reach
        self.l2 = l2
        self.prior = prior
        self.landmarks = landmarks
        self.seed = seed
        self.tasks = TaskClassifier(width, l2=1.0)
        self.outcomes = LabelTable(2 * arms)  # quality, then usage
        self._seen = Collected()
        self.register_buffer("index", torch.zeros(0, width))  # unit rows
        self.register_buffer("weight", torch.zeros(0, 2 * arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit the prior, then the departures from it."""
        whole = self._seen.stack()
        targets = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        # without tasks the classifier knows one, whose row is the overall mean
        task = whole.task if self.prior == "tasks" else torch.full_like(whole.task, -1)
        self.tasks.fit(whole.embedding, task)
        self.outcomes.set(task_labels(task), targets, TASK_PRIOR)
        departure = targets - self.outcomes(self.tasks(whole.embedding))
        unit = normalised(whole.embedding)
        rows = torch.arange(len(unit))
        if len(unit) > self.landmarks:
            rows = torch.randperm(len(unit), generator=torch.Generator().manual_seed(self.seed))[: self.landmarks]
        self.index = unit[rows]
        kernel = _kernel(unit.double(), unit[rows].double(), self.reach)
        self.weight = solve_kernel(kernel, rows, departure.double(), self.l2).float()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        near = _kernel(normalised(embedding), self.index, self.reach)  # (B, M)
        cells = self.outcomes(self.tasks(embedding)) + near @ self.weight  # (B, 2A)
        quality = cells[:, : self.arms].clamp(0.0, 1.0)
        return Estimates(quality, cells[:, self.arms :].clamp(min=0.0), torch.zeros_like(quality))


def _kernel(unit: Tensor, index: Tensor, reach: float) -> Tensor:
    """exp((cos - 1) / reach); unit rows (B, D), (M, D) -> (B, M)."""
    return ((unit @ index.T - 1) / reach).exp()


def solve_kernel(kernel: Tensor, rows: Tensor, targets: Tensor, l2: float) -> Tensor:
    """Weights of every column of targets, each on the prompts where it is known; 0 where it never is.

    Args:
        kernel: float64 [N, M], every prompt against the landmarks.
        rows: int64 [M], which prompts the landmarks are.
        targets: float64 [N, C]; NaN is unknown.
        l2: strength of the shrinkage, above 0.

    >>> kernel = torch.eye(2, dtype=torch.float64)
    >>> solve_kernel(kernel, torch.arange(2), torch.tensor([[2.0], [4.0]]).double(), l2=1.0).flatten().tolist()
    [1.0, 2.0]
    """
    known = ~targets.isnan()
    masks, group = torch.unique(known, dim=1, return_inverse=True)  # (N, G), (C,)
    weight = torch.zeros(kernel.shape[1], targets.shape[1], dtype=torch.float64)
    for number, mask in enumerate(masks.T):
        columns = (group == number).nonzero().squeeze(1)
        if len(rows) == len(kernel):  # every prompt is a landmark: the plain solution, on the prompts that are known
            system = kernel[mask][:, mask] + l2 * torch.eye(int(mask.sum()), dtype=torch.float64)
            solved = torch.linalg.solve(system, targets[mask][:, columns])
            weight[mask.nonzero(), columns] = solved
        else:
            seen = kernel[mask]
            # a share of l2 on the weights themselves keeps them small enough for float32
            shrinkage = kernel[rows] + 0.1 * torch.eye(len(rows), dtype=torch.float64)
            weight[:, columns] = torch.linalg.solve(seen.T @ seen + l2 * shrinkage, seen.T @ targets[mask][:, columns])
    return weight
