"""Platt scaling."""

import torch
from torch import Tensor

from anabranch.routers.calibration.calibration import Calibration, cells_by_arm
from anabranch.routers.calibration.likelihood import sigmoid_fit, smoothed
from anabranch.routers.estimates import QualityKind


class Platt(Calibration):
    """A sigmoid an arm (Platt 1999): cures an arm that is over- or underrated as a whole, and overconfidence.

    Slopes are never negative: an arm whose estimates run against its outcomes is given its mean.

    Args:
        arms: A.
        kind: of the estimates; log odds are mapped, or scores as they are.
        enough: known cells an arm needs for a sigmoid of its own; below them it gets one fitted on all arms together.
    """

    slope: Tensor
    shift: Tensor

    def __init__(self, arms: int, kind: QualityKind = "calibrated", *, enough: int = 30) -> None:
        super().__init__(arms, kind)
        self.enough = enough
        self.register_buffer("slope", torch.ones(arms))
        self.register_buffer("shift", torch.zeros(arms))

    def fit(self, estimated: Tensor, observed: Tensor) -> None:
        """Maximum likelihood on each arm's known cells, with Platt's targets; left as it is if nothing is known."""
        cells = cells_by_arm(estimated, observed, self.enough)
        if len(cells[0][0]) == 0:
            return
        fitted = torch.stack([_sigmoid(self.logits(quality), smoothed(known)) for quality, known in cells])
        self.slope, self.shift = fitted.float().unbind(dim=1)

    def forward(self, quality: Tensor) -> Tensor:
        """See `Calibration.forward`."""
        return (self.logits(quality) * self.slope + self.shift).sigmoid()


def _sigmoid(logits: Tensor, target: Tensor) -> Tensor:
    """Slope and shift, (2,); logits and target are (n,)."""
    one = torch.ones_like(logits)
    centre, scale = logits.mean(), logits.std(correction=0)
    if scale > 1e-6 * logits.abs().max():
        steep, shift = sigmoid_fit(torch.stack([(logits - centre) / scale, one], dim=1), target)
        if steep > 0:
            return torch.stack([steep / scale, shift - steep * centre / scale])
    return torch.cat([one.new_zeros(1), sigmoid_fit(one.unsqueeze(1), target)])
