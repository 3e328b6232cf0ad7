"""How much a prompt looks like the training prompts."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.kmeans import kmeans

FEWEST = 50  # prompts below which a covariance says nothing


class Familiarity(nn.Module):
    """1 for prompts like those of training, falling to 0 for prompts farther out than nearly all of them.

    The distance is Mahalanobis's to the nearest of K cluster centres, with one covariance for all clusters. Until
    limits are set, everything is familiar.

    Source: Lee et al. 2018, arXiv 1807.03888.

    Args:
        width: D.
        clusters: K.
        shrinkage: of the covariance to a sphere.
    """

    whitening: Tensor
    centres: Tensor
    limits: Tensor

    def __init__(self, width: int, *, clusters: int = 32, shrinkage: float = 0.3) -> None:
        super().__init__()
        self.clusters = clusters
        self.shrinkage = shrinkage
        self.register_buffer("whitening", torch.eye(width))
        self.register_buffer("centres", torch.zeros(1, width))
        self.register_buffer("limits", torch.tensor([1e9, 2e9]))  # nothing is that far out

    def fit(self, unit: Tensor, seed: int) -> None:
        """Place the centres among unit rows (N, D) and learn the spread around them."""
        if len(unit) < FEWEST:
            return
        centres = kmeans(unit, self.clusters, seed)
        residual = (unit - centres[torch.cdist(unit, centres).argmin(dim=1)]).double()
        covariance = residual.T @ residual / len(unit)
        # the sphere keeps directions that no prompt uses finite, also where all prompts are equal
        sphere = self.shrinkage * covariance.trace() / len(covariance) + 1e-6
        factor = torch.linalg.cholesky(covariance + sphere * torch.eye(len(covariance), dtype=torch.float64))
        self.whitening = torch.linalg.inv(factor).T.float()
        self.centres = centres @ self.whitening

    def distance(self, unit: Tensor) -> Tensor:
        """Squared Mahalanobis distance to the nearest centre; unit rows (B, D) -> (B,)."""
        white = unit @ self.whitening
        cross = white @ self.centres.T
        return ((white**2).sum(dim=1, keepdim=True) - 2 * cross + (self.centres**2).sum(dim=1)).amin(dim=1)

    def forward(self, unit: Tensor) -> Tensor:
        """Familiarity in [0, 1] of unit rows (B, D) -> (B,)."""
        return familiar(self.distance(unit), self.limits)


def limits_of(distance: Tensor, near: float, far: float) -> Tensor:
    """The distances [2] up to which a prompt is fully familiar, and familiar at all.

    Args:
        distance: float [N], of training prompts that the centres had not seen.
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
