import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.training.evaluate import evaluate
from anabranch.training.paired import Paired
from anabranch.training.verdict import Bar, Mix, verdict
from tests.training.ready import ready_router

DRAWS = 200


def paired(prompts: int) -> Paired:
    return Paired(np.ones((1 + DRAWS, prompts)))


def spread_around(centre: float, half: float) -> np.ndarray:
    """The value first, then replicates whose 5 % and 95 % quantiles are about `half` below and above it."""
    return np.concatenate([[centre], centre + half * np.linspace(-1 / 0.9, 1 / 0.9, DRAWS)])


def judged(gain: float, half: float, prompts: int = 1000) -> str:
    bar = Bar(None, np.zeros(1 + DRAWS), in_usd=False, spent_usd=float("nan"))
    return verdict(spread_around(gain, half), None, bar, paired(prompts)).word


@pytest.mark.parametrize(
    ("gain", "half", "prompts", "word"),
    [
        (0.05, 0.03, 1000, "route"),
        (0.05, 0.06, 1000, "not enough data"),
        (0.005, 0.015, 1000, "do not route"),
        (-0.05, 0.015, 1000, "do not route"),
        (-0.10, 0.03, 1000, "do not route"),
        (0.0, 0.0, 1000, "do not route"),
        (0.05, 0.03, 99, "not enough data"),
    ],
)
def test_word_follows_the_bound_and_the_width(gain: float, half: float, prompts: int, word: str) -> None:
    assert judged(gain, half, prompts) == word


def test_needed_prompts_scale_with_the_square_of_the_width() -> None:
    """Twice too wide an interval needs four times the prompts."""
    bar = Bar(None, np.zeros(1 + DRAWS), in_usd=False, spent_usd=float("nan"))
    found = verdict(spread_around(0.0, 0.04), None, bar, paired(500))
    assert found.needed == pytest.approx(2000, rel=0.03)


def test_router_is_held_to_the_mix_at_its_cost_and_savings_pay_back() -> None:
    """The mix runs from (1 USD, 0.4) to (3 USD, 0.8); at 2 USD it has 0.6, and 0.7 costs it 2.5 USD.

    A router of 0.7 at 2 USD gains 0.1 and saves 0.5 USD a request, so labels of 100 USD are paid after 200 requests.
    """
    rows = np.ones((1 + DRAWS, 1))
    mix = Mix(cost=rows * [1.0, 3.0], quality=rows * [0.4, 0.8])
    bar = Bar(mix, rows[:, 0], in_usd=True, spent_usd=100.0)
    found = verdict(0.7 * rows[:, 0], 2.0 * rows[:, 0], bar, paired(1000))
    assert found.gain.value == pytest.approx(0.1)
    assert found.saving_usd == pytest.approx(0.5)
    assert (found.word, found.break_even_requests) == ("route", 200)


def test_being_cheaper_than_the_cheapest_arm_is_no_excuse() -> None:
    rows = np.ones((2, 1))
    mix = Mix(cost=rows * [1.0, 3.0], quality=rows * [0.4, 0.8])
    assert mix.quality_at(np.array([0.5, 9.0])).tolist() == [0.4, 0.8]


def test_mix_never_pays_more_for_less() -> None:
    """On these prompts the dearest arm is worse: a mix that may spend its cost stays with the middle one."""
    mix = Mix(cost=np.array([[1.0, 2.0, 3.0]]), quality=np.array([[0.4, 0.8, 0.6]]))
    assert mix.quality_at(np.array([3.0])).tolist() == [0.8]


def no_signal_verdict(seed: int) -> str:
    """Estimates are noise; arms are alike in half of the worlds and differ in the others."""
    rng = np.random.default_rng(seed)
    means = np.full(4, 0.6) if seed % 2 else np.array([0.45, 0.55, 0.6, 0.7])
    quality = (rng.random((600, 4)) < means).astype(np.float32)
    cost = np.broadcast_to([0.001, 0.002, 0.004, 0.01], quality.shape)
    table = Outcomes.from_arrays("abcd", quality, cost_usd=cost, splits=["train"] * 300 + ["test"] * 300)
    train, test = table.split("train"), table.split("test")
    guess = train.quality.mean(axis=0) + 0.05 * rng.standard_normal((300, 4))
    router = ready_router(test, guess, tradeoff=float(rng.uniform(0.8, 1.0)))
    return evaluate([router], test, train, labels="noise", replicates=300, examples=0).routers[0].verdict.word


@pytest.mark.slow
def test_worlds_without_signal_are_seldom_told_to_route() -> None:
    """A 5 % rule errs on 10 of 200 worlds on average; 18 is the 99 % bound of that binomial."""
    words = [no_signal_verdict(seed) for seed in range(200)]
    assert words.count("route") <= 18
