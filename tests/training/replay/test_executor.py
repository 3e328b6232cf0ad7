from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.executor import NotReplayable, replay


def table(prompts: int = 40, models: int = 3, samples: int = 2, seed: int = 0) -> ReplayTable:
    rng = np.random.default_rng(seed)
    shape = (prompts, models, samples)
    return ReplayTable.from_arrays(
        [f"m{model}" for model in range(models)],
        rng.integers(0, 2, shape),
        cost_usd=rng.uniform(1, 2, shape),
        latency_s=rng.uniform(0, 1, shape),
        key=rng.integers(-1, 3, shape),
        signals={"sure": rng.uniform(size=shape)},
    )


@dataclass(frozen=True)
class Scripted:
    """Makes the waves it is told, then answers with a place or abstains."""

    waves: tuple[tuple[int, ...], ...]
    pick: int | None = 0
    models: tuple[int, ...] = (0, 1, 2)

    def decide(self, state: State) -> Action:
        called = 0
        for wave in self.waves:
            if len(state.candidates) == called:
                return Call(wave)
            called += len(wave)
        return Abstain("told to") if self.pick is None else Answer(self.pick, "told to")


def test_costs_add_up_and_a_wave_takes_as_long_as_its_slowest_call() -> None:
    """Model 0 alone, then models 1 and 2 at once: 1 + 2 + 4 USD, and 0.5 + max(0.25, 2) seconds."""
    one = ReplayTable.from_arrays(
        ["a", "b", "c"], [[0.0, 1.0, 0.5]], cost_usd=[[1, 2, 4]], latency_s=[[0.5, 0.25, 2.0]]
    )
    done = replay(Scripted(((0,), (1, 2)), pick=1), one)
    assert (done.cost_usd[0], done.latency_s[0], done.quality[0], done.model[0]) == (7.0, 2.5, 1.0, 1)
    assert done.calls.tolist() == [[1, 1, 1]] and done.reason == ("told to",)


def test_abstaining_has_no_quality_and_still_costs() -> None:
    done = replay(Scripted(((0,),), pick=None), table(samples=1))
    assert done.abstained.all() and np.isnan(done.quality).all() and (done.cost_usd >= 1).all()


def test_a_sample_is_never_used_twice_and_a_third_is_not_invented() -> None:
    recorded = table(prompts=200)
    twice = replay(Scripted(((0, 0),)), recorded)
    np.testing.assert_allclose(twice.cost_usd, recorded.cost_usd[:, 0].sum(axis=1))
    with pytest.raises(NotReplayable, match=r"call 3 of 'm0' on prompt 'p0': 2 samples are recorded"):
        replay(Scripted(((0, 0, 0),)), recorded)


def test_which_sample_comes_first_is_drawn_from_text_model_and_seed() -> None:
    """Half of 400 prompts start with sample 1, give or take three standard deviations of 10."""
    recorded = table(prompts=400)
    first = replay(Scripted(((1,),)), recorded).cost_usd
    later = (first == recorded.cost_usd[:, 1, 1]).sum()
    assert 170 <= later <= 230
    assert np.array_equal(replay(Scripted(((1,),)), recorded.take(np.arange(400)[::-1])).cost_usd, first[::-1])
    assert not np.array_equal(replay(Scripted(((1,),)), recorded, seed=1).cost_usd, first)


def test_what_was_not_recorded_is_no_sample() -> None:
    quality = np.array([[[nan, 1.0], [0.0, nan]]])
    one = ReplayTable.from_arrays(["a", "b"], quality, cost_usd=[[[9, 1], [2, 9]]])
    assert replay(Scripted(((0, 1),), models=(0, 1)), one).cost_usd.tolist() == [3.0]


def test_a_policy_that_does_not_end_is_named() -> None:
    endless = Scripted(((0,),) * 200)
    with pytest.raises(ValueError, match="Scripted still calls models after 64 waves on 'p0'"):
        replay(endless, table(prompts=1, samples=100))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_what_was_not_called_changes_nothing(seed: int, first: float, second: float) -> None:
    """Outcomes, signals and costs of answers that were not called are poisoned; the calls made tell which."""
    recorded, chain = table(seed=seed, samples=1), ThresholdChain((0, 1, 2), (first, second), "sure")
    done = replay(chain, recorded)
    uncalled = done.calls[:, :, None] == 0
    poison: dict[str, Any] = {
        name: np.where(uncalled, nan, getattr(recorded, name)) for name in ("quality", "cost_usd", "latency_s")
    }
    poisoned = replace(recorded, **poison).with_signal("sure", np.where(uncalled, 9.0, recorded.signals["sure"]))
    again = replay(chain, poisoned)
    for name in ("model", "quality", "cost_usd", "latency_s", "calls"):
        np.testing.assert_array_equal(getattr(again, name), getattr(done, name))
    assert not np.isnan(again.quality).any()
    np.testing.assert_allclose(done.cost_usd, (done.calls * recorded.cost_usd[:, :, 0]).sum(axis=1))


@pytest.mark.parametrize(("threshold", "last"), [(-np.inf, 0), (np.inf, 2)])
def test_both_extremes_are_there(threshold: float, last: int) -> None:
    """Always keeping is the first model; never keeping has the last model's quality at the cost of the whole chain."""
    recorded = table(samples=1)
    done = replay(ThresholdChain((0, 1, 2), (threshold,) * 2, "sure"), recorded)
    np.testing.assert_array_equal(done.quality, recorded.quality[:, last, 0])
    np.testing.assert_allclose(done.cost_usd, recorded.cost_usd[:, : last + 1, 0].sum(axis=1))
