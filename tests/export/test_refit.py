"""Fitting a closed form again."""

from typing import Any

import numpy as np
import torch

from anabranch.data.labelset import read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.data.preferences import Preferences
from anabranch.export.refit import refit
from anabranch.routers.calibration.platt import Platt
from anabranch.routers.encoders.embed import embed
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.run_splits import labelled_split


def test_on_the_same_embeddings_it_is_the_same_estimator(knn: Any) -> None:
    world = knn.world
    settings, trained = world.router.settings, world.router.estimator
    train = labelled_split(world.run, "train", read_labels(world.labels), settings.arms)
    again = refit(settings, train, embed(world.router.encoder, train.texts))
    assert not again.training
    for name, tensor in trained.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, msg=name)


def test_votes_that_are_given_count_instead_of_those_outcomes_imply(knn: Any) -> None:
    """Equal quality everywhere implies ties only, so every win rate is 0.5; one vote for "b" lifts it above "a"."""
    settings = knn.world.router.settings.model_copy(
        update={"recipe": "routellm-sw", "arms": ("a", "b"), "width": 2, "recipe_settings": {}}
    )
    table = Outcomes.from_arrays(["a", "b"], [[0.5, 0.5], [0.5, 0.5]])
    embedding = np.eye(2, dtype=np.float32)
    zero, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    vote = Preferences(("a", "b"), zero, zero, one, np.ones(1), np.ones(1))
    implied = refit(settings, table, embedding)(torch.eye(2)).quality
    given = refit(settings, table, embedding, vote)(torch.eye(2)).quality
    torch.testing.assert_close(implied, torch.full((2, 2), 0.5))
    assert (given[:, 1] > given[:, 0]).all()


def test_weights_of_votes_add_up() -> None:
    """Two votes on one prompt: b beats a with 0.75 and weight 2, then a beats b for certain."""
    votes = Preferences(
        ("a", "b"),
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        np.ones(2, np.int64),
        np.array([0.75, 0.0]),
        np.array([2.0, 1.0]),
    )
    assert votes.wins(2).tolist() == [[[0.0, 1.5], [1.5, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_the_calibration_is_kept(knn: Any) -> None:
    """Only the estimator inside sees the training prompts again."""
    settings = knn.world.router.settings.model_copy(update={"calibration": "platt"})
    train = labelled_split(knn.world.run, "train", read_labels(knn.world.labels), settings.arms)
    embedding = embed(knn.world.router.encoder, train.texts)
    calibration = Platt(len(settings.arms))
    calibration.slope, calibration.shift = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.1, 0.0, -0.1])
    again = refit(settings, train, embedding, calibration=calibration)
    expected = Calibrated(knn.world.router.estimator, calibration)
    rows = torch.from_numpy(embedding)
    torch.testing.assert_close(again(rows).quality, expected(rows).quality)
    assert not again.training
