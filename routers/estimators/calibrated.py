"""An estimator whose quality was mapped to what was observed."""

from torch import Tensor

from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import Batch, Estimator

INHERITED = ("learns_from", "reads_tradeoff", "trains_encoder", "holds_prompts", "policy", "source", "specification")


class Calibrated(Estimator):
    """An estimator and a calibration map, in one graph.

    Quality becomes expected quality in [0, 1], whatever it meant before, so that scores and win rates may be compared
    with floors and budgets. Spread becomes half of what the map makes of the interval one standard deviation each
    way: it stays in the units of the quality that policies add it to, and an unknown one stays 0. Usage passes.

    Args:
        inner: the estimator; trained before or after.
        calibration: its map.
    """

    quality_kind = "calibrated"

    def __init__(self, inner: Estimator, calibration: Calibration) -> None:
        super().__init__(inner.width, inner.arms)
        self.inner = inner
        self.calibration = calibration
        for name in INHERITED:
            setattr(self, name, getattr(inner, name))

    def observe(self, batch: Batch) -> None:
        """For the estimator; the map is fitted on other prompts than these."""
        self.inner.observe(batch)

    def finalise(self) -> None:
        """For the estimator."""
        self.inner.finalise()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`."""
        quality, usage, spread = self.inner(embedding, tradeoff)
        above, below = self.calibration(quality + spread), self.calibration(quality - spread)
        return Estimates(self.calibration(quality), usage, (above - below) / 2)


def uncalibrated(estimator: Estimator) -> Estimator:
    """The estimator itself, out of its wrapper if it has one."""
    return estimator.inner if isinstance(estimator, Calibrated) else estimator
