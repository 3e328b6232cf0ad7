"""An estimator as a router's settings describe it, before anything is learnt."""

from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.calibration.registry import load_calibration
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.recipe import recipe_of
from anabranch.routers.settings import RouterSettings


def built(settings: RouterSettings) -> Estimator:
    """The recipe's estimator for these arms and this width, with its calibration around it if it has one.

    Raises:
        ValueError: no such recipe, setting or calibration.
    """
    arms = len(settings.arms)
    inner = recipe_of(settings.recipe, settings.recipe_settings).build(settings.width, arms)
    calibration = calibration_of(type(inner), arms, settings.calibration)
    return inner if calibration is None else Calibrated(inner, calibration)


def calibration_of(estimator: type[Estimator], arms: int, name: str) -> Calibration | None:
    """The named map for what this estimator says of `arms` arms, not fitted yet; None for `none`.

    Raises:
        ValueError: no such calibration, or it does not suit the estimator.

    >>> from anabranch.routers.estimators.knn import KNN
    >>> type(calibration_of(KNN, 3, "platt")).__name__
    'Platt'
    """
    if name == "none":
        return None
    if estimator.reads_tradeoff:
        raise ValueError(
            f"{estimator.__name__} reads the trade-off, so its score is a utility and no quality was observed of it: "
            "leave the calibration at none"
        )
    return load_calibration(name, arms, estimator.quality_kind)
