"""A closed-form estimator observed again on other embeddings of its training prompts."""

import numpy as np
import torch

from anabranch.data.outcomes import Outcomes
from anabranch.data.preferences import Preferences
from anabranch.routers.built import built
from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.estimators.estimator import Batch, Estimator
from anabranch.routers.policies.policy import Floats
from anabranch.routers.settings import RouterSettings


def refit(
    settings: RouterSettings,
    train: Outcomes,
    embedding: Floats,
    votes: Preferences | None = None,
    calibration: Calibration | None = None,
) -> Estimator:
    """The estimator of a router, fitted anew.

    Args:
        settings: the router's; its recipe names a closed-form estimator.
        train: what the arms achieved on the N training prompts.
        embedding: float32 [N, D], of those prompts.
        votes: for estimators that learn from preferences; derived from the outcomes if None.
        calibration: the router's map, which is kept: like the trade-off it was set on validation prompts, and both
            belong together.
    """
    estimator = built(settings)
    wins = torch.zeros(len(train), 0, 0)
    if estimator.learns_from == "preferences":
        wins = torch.from_numpy((votes or Preferences.from_outcomes(train)).wins(len(train)))
    estimator.observe(
        Batch(
            torch.arange(len(train)),
            torch.from_numpy(train.task_numbers(train.task_names)),
            torch.from_numpy(np.array(embedding, np.float32)),
            torch.from_numpy(np.array(train.quality, np.float32)),
            torch.from_numpy(train.usage(settings.costing.usage_kind)),
            torch.from_numpy(np.array(train.samples, np.float32)),
            wins,
        )
    )
    estimator.finalise()
    if isinstance(estimator, Calibrated) and calibration is not None:
        estimator.calibration = calibration
    return estimator.eval()
