"""Fitted trees as tensors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor, nn


class Grown(NamedTuple):
    """A tree and what its outputs say.

    Attributes:
        tree: fitted by scikit-learn, with K outputs.
        reading: float32 [K, A], turns its outputs into a column an arm; 0 for arms it says nothing of.
    """

    tree: DecisionTreeRegressor
    reading: Tensor


class Trees(nn.Module):
    """Regression trees of A columns, all walked at once by gathers; a leaf leads to itself.

    Args:
        outputs: A.
        depth: steps from the root to the deepest leaf, at most.
    """

    root: Tensor
    speaks: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def __init__(self, outputs: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.register_buffer("root", torch.zeros(0, dtype=torch.int64))  # (T,), node each tree begins at
        self.register_buffer("speaks", torch.zeros(0, outputs))  # (T, A), 1 where a tree speaks of an arm
        self.register_buffer("feature", torch.zeros(0, dtype=torch.int64))  # (M,), one a node
        self.register_buffer("threshold", torch.zeros(0))  # (M,)
        self.register_buffer("left", torch.zeros(0, dtype=torch.int64))  # (M,)
        self.register_buffer("right", torch.zeros(0, dtype=torch.int64))  # (M,)
        self.register_buffer("value", torch.zeros(0, outputs))  # (M, A)

    def plant(self, grown: Sequence[Grown]) -> None:
        """Lay the nodes of all trees behind one another."""
        sizes = [one.tree.tree_.node_count for one in grown]
        starts = np.cumsum([0, *sizes])[:-1]
        self.root = torch.from_numpy(starts)
        self.speaks = torch.stack([(one.reading != 0).any(dim=0).float() for one in grown])
        self.feature = torch.cat([torch.from_numpy(one.tree.tree_.feature.clip(min=0)).long() for one in grown])
        self.threshold = torch.cat([torch.from_numpy(rounded_down(one.tree.tree_.threshold)) for one in grown])
        self.left, self.right = (
            torch.cat([_children(one, side) + start for one, start in zip(grown, starts, strict=True)])
            for side in ("children_left", "children_right")
        )
        self.value = torch.cat([torch.from_numpy(one.tree.tree_.value[:, :, 0]).float() @ one.reading for one in grown])

    def forward(self, embedding: Tensor) -> Tensor:
        """What every tree says, 0 where it does not speak; (B, D) -> (B, T, A)."""
        node = self.root.expand(embedding.shape[0], -1)  # (B, T)
        for _ in range(self.depth):
            goes_left = embedding.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])
        return self.value[node]


def rounded_down(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is no larger, so that float32 features fall on the same side; (M,) -> (M,).

    >>> import numpy as np
    >>> float(rounded_down(np.array([0.1]))[0]) < 0.1 < float(np.float32(0.1))
    True
    """
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _children(grown: Grown, side: str) -> Tensor:
    """The next node on a side, a leaf's being itself; (M,)."""
    child = getattr(grown.tree.tree_, side)
    return torch.from_numpy(np.where(child < 0, np.arange(len(child)), child))
