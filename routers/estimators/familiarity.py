"""How much a prompt looks like the training prompts."""

import torch
from torch import Tensor, nn

FEWEST = 50  # prompts below which nothing is known of what is usual


class Familiarity(nn.Module):
    """1 for prompts like those of training, falling to 0 for prompts farther out than nearly all of them.

    The distance is 1 - cosine to the nearest training prompt. Until limits are set, everything is familiar.

    Source: Sun et al. 2022, arXiv 2204.06507, with the one nearest neighbour.

    Args:
        width: D.
        landmarks: most training prompts to keep, drawn at random.
    """

    index: Tensor
    limits: Tensor

    def __init__(self, width: int, *, landmarks: int = 8192) -> None:
        super().__init__()
        self.landmarks = landmarks
        self.register_buffer("index", torch.zeros(1, width))
        self.register_buffer("limits", torch.tensor([1e9, 2e9]))  # nothing is that far out

    def fit(self, unit: Tensor, seed: int) -> None:
        """Keep unit rows (N, D)."""
        if len(unit) < FEWEST:
            return
        chosen = torch.randperm(len(unit), generator=torch.Generator().manual_seed(seed))[: self.landmarks]
        self.index = unit[chosen.sort().values]

    def distance(self, unit: Tensor) -> Tensor:
        """1 - cosine to the nearest row that was kept; unit rows (B, D) -> (B,)."""
        return 1 - (unit @ self.index.T).amax(dim=1)

    def forward(self, unit: Tensor) -> Tensor:
        """Familiarity in [0, 1] of unit rows (B, D) -> (B,)."""
        return familiar(self.distance(unit), self.limits)


def limits_of(distance: Tensor, near: float, far: float) -> Tensor:
    """The distances [2] up to which a prompt is fully familiar, and familiar at all.

    Args:
        distance: float [N], of training prompts that were left out of those kept.
        near: share of them that is fully familiar; 0 leaves nothing familiar.
        far: share that is familiar at all.

    >>> limits_of(torch.arange(101.0), 0.9, 0.99).tolist()
    [90.0, 99.0]
    """
    if far == 0:
        return torch.tensor([-2.0, -1.0])
    return torch.quantile(distance, torch.tensor([near, far]))


def familiar(distance: Tensor, limits: Tensor) -> Tensor:
    """1 up to the first limit, 0 from the second on (below it, where the two are one); (B,), (2,) -> (B,).

    >>> familiar(torch.tensor([80.0, 93.0, 120.0]), torch.tensor([90.0, 96.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return ((limits[1] - distance) / (limits[1] - limits[0]).clamp(min=1e-6)).clamp(0.0, 1.0)
