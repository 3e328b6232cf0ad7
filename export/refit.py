"""A closed-form estimator observed again on other embeddings of its training prompts."""

import numpy as np
import torch

from anabranch.data.outcomes import Outcomes
from anabranch.data.preferences import Preferences
from anabranch.routers.estimators.estimator import Batch, Estimator
from anabranch.routers.policies.policy import Floats
from anabranch.routers.recipe import recipe_of
from anabranch.routers.settings import RouterSettings


def refit(settings: RouterSettings, train: Outcomes, embedding: Floats, votes: Preferences | None = None) -> Estimator:
    """The estimator of a router, fitted anew.

    Args:
        settings: the router's; its recipe names a closed-form estimator.
        train: what the arms achieved on the N training prompts.
        embedding: float32 [N, D], of those prompts.
        votes: for estimators that learn from preferences; derived from the outcomes if None.
    """
    estimator = recipe_of(settings.recipe, settings.recipe_settings).build(settings.width, len(settings.arms))
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
    return estimator.eval()
