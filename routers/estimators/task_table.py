"""A table of outcomes per task, looked up by a task classifier."""

from typing import Literal

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.label_table import LabelTable
from anabranch.routers.estimators.task_classifier import TaskClassifier, task_labels


class TaskTable(ClosedForm):
    """Say which task a prompt is of and look up how the arms do on it (Wang et al. 2024, Bench-CoE's subject level).

    With one task, or none known, every prompt gets the overall means.

    Args:
        width: D.
        arms: A.
        lookup: soft is the expected row under P(task); hard is the likeliest task's row, as in the paper.
        prior: prompts' worth of the overall mean mixed into every task.
        l2: strength of the classifier's shrinkage.
    """

    source = "arXiv 2412.04167"
    specification = "code"

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        lookup: Literal["soft", "hard"] = "soft",
        prior: float = 5.0,
        l2: float = 1.0,
    ) -> None:
        super().__init__(width, arms)
        self.lookup = lookup
        self.prior = prior
        self.tasks = TaskClassifier(width, l2=l2)
        self.outcomes = LabelTable(2 * arms)  # quality, then usage
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit the classifier and average each task's outcomes."""
        whole = self._seen.stack()
        self.tasks.fit(whole.embedding, whole.task)
        values = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        self.outcomes.set(task_labels(whole.task), values, self.prior)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        weight = self.tasks(embedding)  # (B, T)
        if self.lookup == "hard":
            weight = nn.functional.one_hot(weight.argmax(dim=1), weight.shape[1]).to(weight)
        cells = self.outcomes(weight)  # (B, 2A)
        quality = cells[:, : self.arms]
        return Estimates(quality, cells[:, self.arms :], torch.zeros_like(quality))
