"""Calibrations by the name a user types; `none` is the absence of one."""

from anabranch.registry import resolve
from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.estimates import QualityKind

CALIBRATIONS: dict[str, str] = {
    "isotonic": "anabranch.routers.calibration.isotonic:Isotonic",
    "platt": "anabranch.routers.calibration.platt:Platt",
    "temperature": "anabranch.routers.calibration.temperature:Temperature",
}


def load_calibration(name: str, arms: int, kind: QualityKind) -> Calibration:
    """A calibration that is not fitted yet.

    Args:
        name: registry name, or `package.module:Class`.
        arms: A.
        kind: what the estimates it maps mean.

    Raises:
        ValueError: no such calibration, or none for estimates of this kind.

    >>> type(load_calibration("platt", arms=2, kind="score")).__name__
    'Platt'
    """
    made: Calibration = resolve(name, CALIBRATIONS, "calibration")(arms, kind)
    return made
