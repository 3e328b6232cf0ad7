"""What networks learn of the gain from the next model, and that none knows what it must not."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.estimators.estimator import Descent
from anabranch.training.replay.affine_gain import AffineGain
from anabranch.training.replay.gain_networks import GainBatch, GainNetworks, Loss
from anabranch.training.replay.lessons import Bools, Lessons
from anabranch.training.replay.lit_gain import BestOfEach, LitGain
from anabranch.training.replay.network_gain import NetworkGain
from anabranch.training.replay.post_hoc import learn_deferral

Floats = NDArray[np.float64]

QUICK = NetworkGain(hidden=4, descent=Descent(epochs=3, batch_size=32, learning_rate=1e-2))
"""For what does not ask how much is learned."""


def world(gains: Bools, features: Floats) -> ReplayTable:
    """The small model is wrong where there is a gain, the large one never; plain confidence is noise."""
    prompts, unknown = len(gains), np.full(len(gains), np.nan)
    sure = np.random.default_rng(1).normal(size=prompts)
    seen = {"sure": sure, **{f"x{number}": column for number, column in enumerate(features.T)}}
    return ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([~gains, np.ones(prompts, bool)], axis=1),
        signals={name: np.stack([values, unknown], axis=1) for name, values in seen.items()},
        texts=[f"prompt {row}" for row in range(prompts)],
    )


def drawn(prompts: int = 200) -> Floats:
    """Two features between -1 and 1."""
    return np.random.default_rng(0).uniform(-1, 1, (prompts, 2))


def lessons(prompts: int = 40, seed: int = 0) -> Lessons:
    """Noise, two answers a prompt; each text is seen twice."""
    rng = np.random.default_rng(seed)
    texts = np.array([f"t{row // 4}" for row in range(prompts * 2)], np.object_)
    return Lessons(("a", "b", "c"), (), rng.normal(size=(prompts * 2, 3)), rng.normal(size=prompts * 2), _ones(), texts)


def _ones() -> Floats:
    return np.full(80, 0.5)


@pytest.mark.parametrize("shape", ["middle", "quarters"])
def test_it_learns_what_no_affine_rule_can(shape: str) -> None:
    """A gain at both ends of one feature, or where two have other signs: affine rules see nothing in either.

    Half of the prompts gain. To defer in random order has the area 0.75, to defer exactly those first 0.875; by chance
    the share of gains and an affine rule's luck move both by some hundredths.
    """
    x = drawn()
    gains = np.abs(x[:, 0]) > 0.5 if shape == "middle" else x[:, 0] * x[:, 1] < 0
    table, read = world(gains, x), ["sure", "x0", "x1"]
    affine, network = (learn_deferral(table, 0, 1, read, learn=learn) for learn in (AffineGain(), NetworkGain()))
    share = float(gains.mean())
    best = 1 - share**2 / 2  # quality rises from 1 - share to 1 at `share`, and stays
    assert affine.learned_area < 1 - share / 2 + 0.04
    assert network.kept == "learned" and network.learned_area > best - 0.02
    assert network.rule.signals == tuple(read)


def test_where_nothing_is_seen_it_says_the_mean() -> None:
    """Features that never vary; 30 of 40 prompts gain 1. The gain is 0.75, its log-odds log 3; what one in six prompts
    that choose the epoch leaves out moves the start by little.
    """
    gain = np.repeat([1.0, 1.0, 1.0, 0.0], 40)
    texts = np.array([f"t{row}" for row in range(160)], np.object_)
    seen = Lessons(("a",), (), np.full((160, 1), 7.0), gain, np.ones(160), texts)
    taught = np.ones((1, 160), bool)
    (squared,), (crossed,) = (replace(QUICK, loss=loss)(seen, taught) for loss in get_args(Loss))
    assert squared([7.0]) == pytest.approx(-0.75, abs=0.05)
    assert crossed([7.0]) == pytest.approx(-np.log(3), abs=0.25)


def test_the_start_by_hand() -> None:
    """Weights 1 and 3 on gains 1 and 0: 0.25; of having a gain the log-odds log(1/3). The second learns of the last."""
    teaches = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
    batch = GainBatch(torch.tensor([[2.0], [6.0]]), torch.tensor([1.0, 0.0]), teaches, teaches)
    scales = torch.tensor([[5.0], [6.0]]), torch.tensor([[3.0**0.5], [1.0]])
    starts: dict[Loss, list[float]] = {"squared": [0.25, 0.0], "cross-entropy": [-np.log(3), -np.log(99)]}
    for loss, start in starts.items():
        made = GainNetworks(2, 1, 3, loss)
        made.start(*scales, batch)
        assert made(batch.features).detach().numpy() == pytest.approx(np.array([start, start]), abs=1e-5)
    errors = GainNetworks(2, 1, 3).errors(batch)  # all say 0
    assert errors.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_labels_that_a_network_is_not_taught_do_not_change_it() -> None:
    """Bit by bit; those of others do. Which epoch it keeps is its own choice, too."""
    seen = lessons()
    part = np.arange(80) // 4 % 2
    taught = np.stack([part == 0, part == 1])
    turned = seen._replace(gain=np.where(part == 1, -seen.gain, seen.gain))
    before, after = (QUICK(each, taught) for each in (seen, turned))
    assert before[0] == after[0] and before[1] != after[1]


def test_a_network_learns_the_same_alone() -> None:
    """But for rounding."""
    seen, taught = lessons(), np.arange(80) // 4 % 3 != np.arange(3)[:, None]
    alone, among = QUICK(seen, taught[1:2])[0], QUICK(seen, taught)[1]
    assert alone(seen.features) == pytest.approx(among(seen.features), abs=1e-5)


def test_the_order_of_answers_does_not_matter() -> None:
    seen, taught = lessons(), np.ones((1, 80), bool)
    order = np.random.default_rng(3).permutation(80)
    assert QUICK(seen, taught) == QUICK(seen.take(order), taught)


def test_weights_count() -> None:
    """An answer of weight 0 teaches nothing, whatever it says."""
    seen = lessons()
    silent = seen._replace(weight=np.where(np.arange(80) < 20, 0.0, 0.5))
    loud = silent._replace(gain=np.where(np.arange(80) < 20, 9.0, seen.gain))
    taught = np.ones((1, 80), bool)
    assert QUICK(silent, taught) == QUICK(loud, taught) != QUICK(seen, taught)


@pytest.mark.parametrize("prompts", [1, 2, 3])
def test_few_prompts_are_enough(prompts: int) -> None:
    few = lessons().take(np.arange(0, 4 * prompts, 4))
    (rule,) = QUICK(few, np.ones((1, prompts), bool))
    assert np.isfinite(rule(few.features)).all()


def test_the_callers_random_state_stays_and_the_seed_decides() -> None:
    seen, taught = lessons(), np.ones((1, 80), bool)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = (QUICK(seen, taught, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    assert first == second != other


def test_each_network_is_put_back_as_in_its_own_best_epoch() -> None:
    """Errors 3, 1, 2 of the first and 3, 4, 1 of the second network: epochs 1 and 2. Batches of an epoch add up."""
    module = LitGain(GainNetworks(2, 1, 1), Descent())
    best = BestOfEach()
    for epoch, batches in enumerate([[(1, 1), (2, 2)], [(0, 4), (1, 0)], [(2, 1)]]):
        with torch.no_grad():
            module.networks.bias.fill_(float(epoch))
        for errors in batches:
            best.on_validation_batch_end(None, module, torch.tensor(errors).float(), None, 0)  # type: ignore[arg-type]
        best.on_validation_end(None, module)  # type: ignore[arg-type]
    best.on_fit_end(None, module)  # type: ignore[arg-type]
    assert module.networks.bias.tolist() == [1.0, 2.0]
