"""Temperature scaling."""

import torch
from torch import Tensor

from anabranch.routers.calibration.calibration import Calibration, known_cells
from anabranch.routers.calibration.likelihood import sigmoid_fit, smoothed
from anabranch.routers.estimates import QualityKind

HOTTEST = 100.0  # a finite temperature keeps the order of the arms


class Temperature(Calibration):
    """Divide all log odds by one number (Guo et al. 2017): cures over- and underconfidence that all arms share.

    It never changes which arm seems best.

    Args:
        arms: A.
        kind: calibrated or win_rate.

    Raises:
        ValueError: the estimates are scores, which have no log odds.
    """

    slope: Tensor

    def __init__(self, arms: int, kind: QualityKind = "calibrated") -> None:
        if kind == "score":
            raise ValueError(
                "a temperature divides log odds, and this router's quality is a score, which has none: "
                "use platt or isotonic"
            )
        super().__init__(arms, kind)
        self.register_buffer("slope", torch.ones(1))  # one over the temperature

    def fit(self, estimated: Tensor, observed: Tensor) -> None:
        """Maximum likelihood on all known cells; 1 if there is none."""
        quality, known = known_cells(estimated, observed)
        logits = self.logits(quality)
        if not logits.any():  # nothing known, or every estimate is 0.5
            return
        self.slope = sigmoid_fit(logits.unsqueeze(1), smoothed(known)).clamp(min=1 / HOTTEST).float()

    def forward(self, quality: Tensor) -> Tensor:
        """See `Calibration.forward`."""
        return (self.logits(quality) * self.slope).sigmoid()
