from collections.abc import Callable
from math import inf, isnan, log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.confidence import (
    divergence_from_uniform,
    entropy,
    logprob_mean,
    logprob_min,
    logprob_quantile,
    logprob_sum,
    margin,
    max_probability,
)

OF_CLASSES = (max_probability, margin, entropy, divergence_from_uniform)
TOKENS = st.lists(st.floats(-20, 0), min_size=1, max_size=12)


def median(logprobs: list[float]) -> float:
    return logprob_quantile(logprobs, 0.5)


OF_TOKENS = (logprob_sum, logprob_mean, logprob_min, median)


def test_class_signals_by_hand() -> None:
    """(1/2, 1/4, 1/4): entropy 1/2 ln 2 + 1/2 ln 4 = 1.5 ln 2, and ln 3 less that to the uniform."""
    given_ = [[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]
    assert max_probability(given_).tolist() == [0.5, 1.0]
    assert margin(given_).tolist() == [0.25, 1.0]
    assert entropy(given_).tolist() == pytest.approx([1.5 * log(2), 0.0])
    assert divergence_from_uniform(given_).tolist() == pytest.approx([log(3) - 1.5 * log(2), log(3)])


def test_token_signals_by_hand() -> None:
    """Ranked -3, -2, -0.5, -0.25, 0; alpha 0.1 lies 0.4 of the way from -3 to -2."""
    logprobs = [-0.5, -3.0, -0.25, 0.0, -2.0]
    assert (logprob_sum(logprobs), logprob_mean(logprobs), logprob_min(logprobs)) == (-5.75, -1.15, -3.0)
    assert logprob_quantile(logprobs, 0.1) == pytest.approx(-2.6)
    assert [logprob_quantile(logprobs, alpha) for alpha in (0.25, 0.5, 1.0)] == [-2.0, -0.5, 0.0]


@pytest.mark.parametrize("signal", OF_CLASSES)
def test_unknown_classes_make_a_signal_unknown_and_no_other_row(signal: Callable[[object], np.ndarray]) -> None:
    rows = signal([[nan, 1.0], [0.5, 0.5]])
    assert np.isnan(rows).tolist() == [True, False]
    assert np.isnan(signal(np.zeros((2, 0)))).tolist() == [True, True]


def test_one_class_is_certain_and_says_nothing() -> None:
    assert [signal([1.0]).item() for signal in OF_CLASSES] == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("broken", [[0.5, 0.4], [1.5, -0.5], [0.0, 0.0], [inf, 0.0]])
def test_what_is_no_distribution_is_refused(broken: list[float]) -> None:
    for signal in OF_CLASSES:
        with pytest.raises(ValueError, match="must sum to 1, none below 0"):
            signal(broken)
    with pytest.raises(ValueError, match="a single number has no classes"):
        max_probability(1.0)


@pytest.mark.parametrize("signal", OF_TOKENS)
def test_no_token_and_an_unknown_token_are_not_sure(signal: Callable[[list[float]], float]) -> None:
    assert isnan(signal([])) and isnan(signal([-0.5, nan])) and isnan(signal([nan, -0.5]))
    assert signal([-0.5]) == -0.5


def test_a_token_that_was_ruled_out_rules_out_what_is_interpolated_towards_it() -> None:
    assert [logprob_quantile([-inf, -1.0, 0.0], alpha) for alpha in (0.0, 0.25, 0.5, 0.75)] == [-inf, -inf, -1.0, -0.5]
    assert logprob_quantile([-inf, -inf], 0.5) == -inf
    assert (logprob_sum([-inf, -1.0]), logprob_mean([-inf, -1.0]), logprob_min([-inf, -1.0])) == (-inf, -inf, -inf)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, nan])
def test_a_quantile_outside_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="a quantile lies between 0 and 1"):
        logprob_quantile([-1.0], alpha)


@settings(max_examples=40, deadline=None)
@given(TOKENS, st.floats(0, 1), st.floats(0, 1))
def test_a_quantile_runs_from_the_least_to_the_greatest_as_numpys_does(
    logprobs: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert logprob_quantile(logprobs, 0.0) == logprob_min(logprobs)
    assert logprob_quantile(logprobs, 1.0) == max(logprobs)
    assert logprob_quantile(logprobs, low) <= logprob_quantile(logprobs, high) + 1e-12
    assert logprob_quantile(logprobs, one) == pytest.approx(float(np.quantile(logprobs, one)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(-20, 0), st.integers(1, 30), st.floats(0, 1))
def test_of_equal_tokens_every_signal_but_the_sum_is_that_token(value: float, tokens: int, alpha: float) -> None:
    same = [value] * tokens
    assert logprob_quantile(same, alpha) == logprob_min(same) == value
    assert logprob_mean(same) == pytest.approx(value, rel=1e-12)
    assert logprob_sum(same) == pytest.approx(tokens * value, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(TOKENS, st.floats(-20, 0))
def test_a_longer_answer_never_has_the_greater_sum_and_order_does_not_matter(
    logprobs: list[float], added: float
) -> None:
    assert logprob_sum([*logprobs, added]) <= logprob_sum(logprobs)
    for signal in OF_TOKENS:
        assert signal(logprobs[::-1]) == signal(logprobs)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6))
def test_the_uniform_is_the_least_sure(weights: list[float]) -> None:
    classes = np.array(weights) / np.sum(weights)
    uniform = np.full(len(weights), 1 / len(weights))
    for signal in (max_probability, margin, divergence_from_uniform):
        assert signal(classes) >= signal(uniform) - 1e-12
        assert signal(classes[::-1]) == pytest.approx(signal(classes), abs=1e-12)
    assert 0 <= entropy(classes) <= entropy(uniform) + 1e-12
    assert divergence_from_uniform(classes) + entropy(classes) == pytest.approx(log(len(weights)))
