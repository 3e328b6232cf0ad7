"""A closed-form estimator observed again on other embeddings of its training prompts."""

import numpy as np
import torch
from torch import Tensor

from anabranch.data.outcomes import Outcomes, UsageKind
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
        wins = win_weights(votes or Preferences.from_outcomes(train), len(train))
    estimator.observe(
        Batch(
            torch.arange(len(train)),
            torch.from_numpy(np.array(embedding, np.float32)),
            torch.from_numpy(np.array(train.quality, np.float32)),
            _usage(train, settings.costing.usage_kind),
            torch.from_numpy(np.array(train.samples, np.float32)),
            wins,
        )
    )
    estimator.finalise()
    return estimator.eval()


def win_weights(votes: Preferences, prompts: int) -> Tensor:
    """The weight of the votes for the row's arm over the column's; float32 [prompts, A, A].

    >>> votes = Preferences.from_outcomes(Outcomes.from_arrays(["a", "b"], [[0, 1], [1, 1]]))
    >>> win_weights(votes, 2).tolist()
    [[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.5], [0.5, 0.0]]]
    """
    wins = np.zeros((prompts, len(votes.arms), len(votes.arms)), np.float32)
    np.add.at(wins, (votes.prompt, votes.arm_b, votes.arm_a), votes.weight * votes.p_b)
    np.add.at(wins, (votes.prompt, votes.arm_a, votes.arm_b), votes.weight * (1 - votes.p_b))
    return torch.from_numpy(wins)


def _usage(train: Outcomes, kind: UsageKind) -> Tensor:
    if kind == "unknown":
        return torch.full(train.quality.shape, torch.nan)
    known = train.completion_tokens if kind == "completion_tokens" else train.cost_usd
    return torch.from_numpy(np.array(known, np.float32))
