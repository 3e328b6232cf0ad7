"""Settings to an estimator."""

import pytest

from anabranch.routers.built import built, calibration_of
from anabranch.routers.calibration.isotonic import Isotonic
from anabranch.routers.calibration.platt import Platt
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.rm_softmax import RMSoftmax
from anabranch.routers.estimators.routerdc import RouterDC
from tests.routers.test_run import run_of


def test_none_is_the_estimator_itself() -> None:
    estimator = built(run_of().settings)
    assert isinstance(estimator, KNN) and (estimator.width, estimator.arms) == (16, 2)
    assert calibration_of(KNN, 2, "none") is None


def test_a_calibration_is_built_around_it() -> None:
    estimator = built(run_of(calibration="isotonic").settings)
    assert isinstance(estimator, Calibrated)
    assert isinstance(estimator.inner, KNN) and isinstance(estimator.calibration, Isotonic)


def test_the_map_is_for_what_the_estimator_says() -> None:
    scaled = calibration_of(RouterDC, 2, "platt")
    assert isinstance(scaled, Platt) and scaled.kind == "score"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RMSoftmax reads the trade-off, .* leave the calibration at none"):
        calibration_of(RMSoftmax, 2, "platt")
    with pytest.raises(ValueError, match=r"a temperature divides log odds"):
        calibration_of(RouterDC, 2, "temperature")
    with pytest.raises(ValueError, match=r"unknown calibration 'plat' .did you mean 'platt'"):
        calibration_of(KNN, 2, "plat")
