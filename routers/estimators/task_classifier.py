"""Which task of the training set a prompt belongs to."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.estimator import normalised
from anabranch.routers.estimators.linear import with_constant
from anabranch.routers.estimators.minimised import minimised


class TaskClassifier(nn.Module):
    """P(task) by one linear softmax on the unit embedding, fitted by cross-entropy to convergence.

    Prompts of unknown task are left out. A training set that knows no task has one, of probability 1.

    Args:
        width: D.
        l2: strength of the shrinkage of the weights (hardly of the constant).

    >>> tasks = TaskClassifier(1, l2=1e-3)
    >>> tasks.fit(torch.tensor([[-1.0], [1.0], [0.0]]), torch.tensor([0, 1, -1]))
    >>> tasks(torch.tensor([[0.0], [1.0]])).round(decimals=1).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    weight: Tensor

    def __init__(self, width: int, *, l2: float) -> None:
        super().__init__()
        self.l2 = l2
        self.register_buffer("weight", torch.zeros(width + 1, 1))

    def fit(self, embedding: Tensor, task: Tensor) -> None:
        """Learn from embeddings (N, D) and tasks int64 (N,), -1 where unknown."""
        known = task >= 0
        classes = int(task.max()) + 1 if known.any() else 1
        self.weight = fit_softmax(normalised(embedding[known]), task[known], classes, self.l2).float()

    def forward(self, embedding: Tensor) -> Tensor:
        """P(task); (B, D) -> (B, T), rows sum to 1."""
        return (with_constant(normalised(embedding)) @ self.weight).softmax(dim=1)


def task_labels(task: Tensor) -> Tensor:
    """One-hot rows of int64 tasks (N,) -> float32 (N, T), zero rows where the task is unknown; T is at least 1.

    >>> task_labels(torch.tensor([1, -1, 0])).tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    """
    classes = max(1, int(task.max()) + 1)
    one_hot: Tensor = nn.functional.one_hot(task.clamp(min=0), classes)
    return (one_hot * (task >= 0).unsqueeze(1)).float()


def fit_softmax(embedding: Tensor, label: Tensor, classes: int, l2: float) -> Tensor:
    """Weights of a softmax regression, the constant last; (N, D), int64 (N,) -> float64 (D + 1, classes).

    >>> bool(fit_softmax(torch.zeros(0, 1), torch.zeros(0, dtype=torch.int64), 2, l2=1.0).any())
    False
    """
    x = with_constant(embedding.double())
    # a class without a prompt would drift for ever if its constant were free
    shrinkage = torch.full((x.shape[1], 1), l2, dtype=torch.float64)
    shrinkage[-1] *= 1e-3

    def loss(weight: Tensor) -> Tensor:
        fit = nn.functional.cross_entropy(x @ weight, label, reduction="sum")
        return fit + 0.5 * (shrinkage * weight**2).sum()

    return minimised(loss, x.shape[1], classes)
