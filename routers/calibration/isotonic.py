"""Isotonic regression."""

import torch
from sklearn.isotonic import isotonic_regression
from torch import Tensor

from anabranch.routers.calibration.calibration import Calibration, cells_by_arm
from anabranch.routers.estimates import QualityKind

RESOLUTION = 0.01
"""Width of the cells that estimates are sorted into, as a share of the largest: bounds the steepness of the map, so
that rounding stays rounding."""


class Isotonic(Calibration):
    """The best non-decreasing map an arm (Zadrozny and Elkan 2002), by pool-adjacent-violators.

    Linear between its knots and constant outside them. It follows any shape, and needs more labels for it.

    Args:
        arms: A.
        kind: of the estimates; all are mapped as they are.
        enough: known cells an arm needs for a map of its own; below them it gets one fitted on all arms together.
    """

    knots: Tensor
    values: Tensor

    def __init__(self, arms: int, kind: QualityKind = "calibrated", *, enough: int = 200) -> None:
        super().__init__(arms, kind)
        self.enough = enough
        self.register_buffer("knots", torch.tensor([0.0, 1.0]).repeat(arms, 1))  # (A, K), ascending
        self.register_buffer("values", torch.tensor([0.0, 1.0]).repeat(arms, 1))  # (A, K), ascending

    def fit(self, estimated: Tensor, observed: Tensor) -> None:
        """Least squares on each arm's known cells; left as it is if nothing is known."""
        cells = cells_by_arm(estimated, observed, self.enough)
        if len(cells[0][0]) == 0:
            return
        steps = [_steps(quality, known) for quality, known in cells]
        most = max(2, *(step.shape[1] for step in steps))
        # arms with fewer knots repeat their last
        padded = torch.stack([step[:, torch.arange(most).clamp(max=step.shape[1] - 1)] for step in steps])
        self.knots, self.values = padded.float().unbind(dim=1)

    def forward(self, quality: Tensor) -> Tensor:
        """See `Calibration.forward`: the first value, and of every rise as much as the estimate has climbed."""
        climbed = (quality.unsqueeze(2) - self.knots[:, :-1]) / self.knots.diff(dim=1).clamp(min=1e-12)  # (B, A, K-1)
        risen = (climbed.clamp(0.0, 1.0) * self.values.diff(dim=1)).sum(dim=2)
        return (self.values[:, 0] + risen).clamp(max=1.0)  # a sum of many rises may round to more


def _steps(quality: Tensor, observed: Tensor) -> Tensor:
    """Knots and values (2, K) from known cells (n,)."""
    width = RESOLUTION * quality.abs().max().clamp(min=1e-12)
    cell, place = torch.unique((quality / width).floor(), return_inverse=True)
    weight = torch.bincount(place)
    means = torch.bincount(place, observed) / weight
    values = torch.from_numpy(isotonic_regression(means.numpy(), sample_weight=weight.numpy().astype(float)))
    steps = torch.stack([(cell + 0.5) * width, values.clamp(0.0, 1.0)])
    # inside a flat stretch a knot says nothing
    flat = values.diff() == 0
    inner = torch.cat([flat[:0].new_zeros(1), flat]) & torch.cat([flat, flat.new_zeros(1)])
    return steps[:, ~inner]
