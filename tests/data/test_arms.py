from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.arms import best_of, with_arms
from anabranch.data.outcomes import Outcomes

NAN = np.nan


def four_samples() -> Outcomes:
    return Outcomes.from_arrays(
        ["m", "k"],
        [[0.45, 0.5], [0.5, 1.0]],
        cost_usd=[[0.01, 0.1], [0.02, NAN]],
        completion_tokens=[[10, 20], [30, 40]],
        samples=[
            [[0.6, 0.0, 1.0, 0.2], [0.5, NAN, NAN, NAN]],
            [[1.0, NAN, 0.0, NAN], [1.0, NAN, NAN, NAN]],
        ],
    )


def test_best_of_two_of_four() -> None:
    """Of the 6 pairs of (1, 0.6, 0.2, 0), 3 hold the 1, 2 of the others the 0.6, 1 the 0.2:
    0.5 x 1 + 1/3 x 0.6 + 1/6 x 0.2 = 0.7333. The second prompt has one pair, and its best is 1."""
    quality = best_of(four_samples(), "m", 2).quality

    np.testing.assert_allclose(quality[:, 0], [0.5 + 0.2 + 0.2 / 6, 1.0], rtol=1e-6)


def test_samples_are_equal_slices_of_the_distribution() -> None:
    """The best is 1 on [0, 1/2], 0.6 on [1/2, 5/6] and 0.2 on [5/6, 1]. The slice [3/4, 1] is 0.6 for a third
    and 0.2 for two thirds: 0.3333. With 2 samples there are 2 slices, both of the best."""
    samples = best_of(four_samples(), "m", 2).samples

    assert samples.shape == (2, 1, 4)
    np.testing.assert_allclose(samples[0, 0], [1.0, 1.0, 0.6, 1 / 3], rtol=1e-6)
    np.testing.assert_array_equal(samples[1, 0], [1.0, 1.0, NAN, NAN])


def test_usage_is_n_times_and_latency_is_not_known() -> None:
    tokens = np.array([[7, 7], [9, NAN]], np.float32)
    best = best_of(replace(four_samples(), prompt_tokens=tokens, latency_s=tokens), "m", 2)

    np.testing.assert_allclose(best.cost_usd[:, 0], [0.02, 0.04])
    assert best.prompt_tokens[:, 0].tolist() == [14, 18]
    assert best.completion_tokens[:, 0].tolist() == [20, 60]
    assert np.isnan(best.latency_s).all()
    assert best.arms == ("m#2",)


def test_prompts_with_too_few_samples_are_unknown() -> None:
    best = best_of(four_samples(), "m", 3)

    np.testing.assert_array_equal(np.isnan(best.quality[:, 0]), [False, True])
    np.testing.assert_array_equal(np.isnan(best.cost_usd[:, 0]), [False, True])
    np.testing.assert_array_equal(np.isnan(best.completion_tokens[:, 0]), [False, True])


def test_best_of_one_is_the_mean() -> None:
    best = best_of(four_samples(), "m", 1)

    np.testing.assert_allclose(best.quality[:, 0], four_samples().quality[:, 0], rtol=1e-6)
    np.testing.assert_allclose(best.samples[0, 0], [1.0, 0.6, 0.2, 0.0], atol=1e-7)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=7), st.integers(1, 7))
def test_quality_is_the_mean_over_all_draws(recorded: list[float], n: int) -> None:
    n = min(n, len(recorded))
    outcomes = Outcomes.from_arrays(["m"], [[np.mean(recorded)]], samples=[[recorded]])

    best = best_of(outcomes, "m", n)

    expected = np.mean([max(draw) for draw in combinations(recorded, n)])
    assert float(best.quality[0, 0]) == pytest.approx(expected, abs=1e-6)
    assert float(best.samples.mean()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "n", "message"),
    [
        ("k", 2, r"k#2 needs n >= 1 and n samples of a prompt; the most recorded is 1"),
        ("m", 5, "the most recorded is 4"),
        ("m", 0, "m#0 needs n >= 1"),
        ("z", 2, r"unknown models \['z'\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(model: str, n: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        best_of(four_samples(), model, n)


def test_arms_stand_in_the_order_named() -> None:
    table = with_arms(four_samples(), ["m#2", "k", "m#4", "m"])

    assert table.arms == ("m#2", "k", "m#4", "m")
    np.testing.assert_allclose(table.quality[0], [0.7333333, 0.5, 1.0, 0.45], rtol=1e-6)
    assert table.samples.shape == (2, 4, 4)
    assert table.texts == four_samples().texts


def test_a_name_with_a_hash_may_be_a_model() -> None:
    outcomes = Outcomes.from_arrays(["c#2", "f#m"], [[0.5, 0.25]])

    assert with_arms(outcomes, ["c#2", "f#m"]).quality.tolist() == [[0.5, 0.25]]


@pytest.mark.parametrize("name", ["z", "z#2", "m#two"])
def test_unknown_arms_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown models .*; models with labels: \['k', 'm'\]"):
        with_arms(four_samples(), ["m", name])


def test_no_arms_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no arms named; arms there are: \['k', 'm'\]"):
        with_arms(four_samples(), [])
