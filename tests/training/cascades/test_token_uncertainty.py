from typing import get_args

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.answered import Answered, with_signals
from anabranch.routers.deferral.network_signal import NetworkSignal
from anabranch.routers.deferral.post_hoc_signal import PostHocSignal
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.training.cascades.chances import with_chance
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.token_uncertainty import Rule, TokenUncertainty
from anabranch.training.replay.chain_fit import fit_chain
from anabranch.training.replay.post_hoc import Target
from tests.training.cascades.grounds import ground_of, random_ground


def long_answers() -> Ground:
    """The small model is wrong where its answer is long, which its mean log-probability does not tell; the large one is
    right always. Half of 400 answers are long.
    """
    rng = np.random.default_rng(0)
    long = np.arange(400) % 2
    unknown = np.full(400, np.nan)
    table = ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([1 - long, np.ones(400)], axis=1),
        cost_usd=[[1, 4]] * 400,
        signals={
            "logprob_mean": np.stack([-rng.random(400), unknown], axis=1),
            "tokens": np.stack([10 + 20.0 * long, unknown], axis=1),
        },
    )
    return ground_of(table)


def test_it_learns_what_plain_confidence_does_not_tell() -> None:
    """Going on with long answers only is right always, for 1 + 4 / 2 = 3; by confidence that takes nearly all of 5."""
    recipe = TokenUncertainty()
    ground = recipe.learn(long_answers())
    best = frontier_of(recipe.policies(ground), ground)[-1]
    assert (best.policy.models, best.quality, best.cost_usd) == ((0, 1), 1.0, 3.0)
    plain = with_chance(long_answers(), "logprob_mean")
    assert fit_chain(plain.table, (0, 1), "chance", 3.0).quality < 0.9


def bent_answers() -> Ground:
    """The small model is wrong where its answer is neither short nor long; the large one is right always. Half of 300
    answers are of that length.
    """
    rng = np.random.default_rng(0)
    tokens = np.arange(1, 301)
    wrong, unknown = np.abs(tokens - 150) < 75, np.full(300, np.nan)
    table = ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([~wrong, np.ones(300, bool)], axis=1),
        cost_usd=[[1, 4]] * 300,
        signals={
            "logprob_mean": np.stack([-rng.random(300), unknown], axis=1),
            "tokens": np.stack([tokens, unknown], axis=1),
        },
    )
    return ground_of(table)


def test_a_network_learns_what_no_affine_rule_does() -> None:
    """Always right costs 1 + 4 / 2 = 3 where the middle half goes on. An affine rule sees nothing in the length, as
    little as in the confidence, and so has to call both nearly always.
    """
    cost_usd = []
    for recipe in (TokenUncertainty(budgets=24), TokenUncertainty(rule="affine", budgets=24)):
        ground = recipe.learn(bent_answers())
        stops = frontier_of(recipe.policies(ground), ground)
        cost_usd.append(next(stop.cost_usd for stop in stops if stop.quality > 0.98))
    assert cost_usd[0] < 3.3 and cost_usd[1] > 3.8


@pytest.mark.parametrize(("rule", "kind"), [("affine", AffineSignal), ("mlp", NetworkSignal)])
def test_the_rule_is_what_was_asked_for(rule: Rule, kind: type) -> None:
    """The last model has none."""
    (signal,) = TokenUncertainty(rule=rule).learn(long_answers()).signals
    assert isinstance(signal, PostHocSignal)
    assert isinstance(signal.rules[0], kind) and signal.rules[1] is None


@pytest.mark.parametrize(("rule", "target"), [*(("affine", each) for each in get_args(Target)), ("mlp", "difference")])
def test_serving_works_out_what_was_learnt(rule: Rule, target: Target) -> None:
    """Signals as written down and read back rank a model's answers as the cross-fitted ones do, and the last model has
    none: nothing comes after it.
    """
    recipe = TokenUncertainty(rule=rule, target=target, signals=("logprob_mean", "tokens"))
    ground = recipe.learn(random_ground(prompts=200))
    table, signals = ground.table, from_plain(to_plain(ground.signals))
    for model in range(3):
        answers = [
            Answered(model, "", "", {name: float(table.signals[name][row, model, 0]) for name in recipe.signals})
            for row in range(200)
        ]
        served = [one.signals.get("post_hoc", np.nan) for one in with_signals(signals, answers)]
        fitted = table.signals["post_hoc"][:, model, 0]
        assert np.isnan(fitted).all() == np.isnan(served).all() == (model == 2)
        if model < 2:
            assert np.corrcoef(served, fitted)[0, 1] > 0.9


def test_chains_go_from_neighbour_to_neighbour() -> None:
    recipe = TokenUncertainty(rule="affine", budgets=6, depth=2)
    ground = recipe.learn(random_ground(models=4, prompts=200))
    assert {policy.models for policy in recipe.policies(ground)} <= {(0, 1), (1, 2), (2, 3), (0,), (1,), (2,), (3,)}


def test_without_log_probabilities_it_says_how_to_get_them() -> None:
    table = ReplayTable.from_arrays(["small", "large"], [[0, 1]], cost_usd=[[1, 2]])
    with pytest.raises(ValueError, match="no signal logprob_mean; signals that they have: none"):
        TokenUncertainty().learn(ground_of(table))
