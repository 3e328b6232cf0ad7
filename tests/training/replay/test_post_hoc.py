import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.affine_gain import AffineGain, Learner
from anabranch.training.replay.executor import replay
from anabranch.training.replay.post_hoc import PostHoc, Target, deferral_area, folds_of, learn_deferral, signal_of

NAN = float("nan")
Floats = NDArray[np.float64]


def table_of(quality: object, signals: dict[str, Floats], texts: list[str] | None = None) -> ReplayTable:
    """Signals [N] or [N, R] of the first of two models; the second has none."""
    scores = np.asarray(quality, np.float64)
    laid = {}
    for name, values in signals.items():
        laid[name] = np.full(scores.shape, NAN)
        laid[name][:, 0] = values
    return ReplayTable.from_arrays(["small", "large"], scores, signals=laid, texts=texts)


def affine(found: PostHoc) -> AffineSignal:
    """Its rule."""
    assert isinstance(found.rule, AffineSignal)
    return found.rule


def eight() -> ReplayTable:
    """The small model is right where x is -1, the large one always; its confidence says nothing."""
    x = np.repeat([-1.0, 1.0], 4)
    return table_of(np.stack([x < 0, np.ones(8)], axis=1), {"sure": np.zeros(8), "x": x})


def specialist(prompts: int, seed: int) -> ReplayTable:
    """The small model is right with the chance `sure`; the large one on its subject, z = 1, and rarely off it."""
    rng = np.random.default_rng(seed)
    sure, subject = rng.random(prompts), (rng.random(prompts) < 0.5).astype(np.float64)
    right = np.stack([rng.random(prompts) < sure, rng.random(prompts) < 0.1 + 0.8 * subject], axis=1)
    return table_of(right, {"sure": sure, "z": subject}, [f"{seed} {row}" for row in range(prompts)])


def generalist(prompts: int, seed: int, noise: int = 20) -> ReplayTable:
    """The large model is right on nine of ten, whatever the prompt; many signals say nothing."""
    rng = np.random.default_rng(seed)
    sure = rng.random(prompts)
    right = np.stack([rng.random(prompts) < sure, rng.random(prompts) < 0.9], axis=1)
    return table_of(right, {"sure": sure, **{f"n{i:02}": rng.normal(size=prompts) for i in range(noise)}})


def test_ridge_by_hand() -> None:
    """Gains are 0 at x = -1 and 1 at x = 1: mean 0.5, spread of x 1, and the weight 4 / (8 + 1); the sign is turned.

    Left out one by one, prompts at x = 1 are deferred first: quality rises from 0.5 to 1 at half and stays, an area of
    0.875. The confidence ties all of them: a straight line from 0.5 to 1.
    """
    found = learn_deferral(eight(), 0, 1, ["sure", "x"], folds=8)
    assert (found.kept, found.rule.signals) == ("learned", ("sure", "x"))
    assert affine(found).weights == pytest.approx((0.0, -4 / 9))
    assert (affine(found).bias, *affine(found).means) == pytest.approx((-0.5, 0.0, 0.0))
    assert (found.learned_area, found.confidence_area) == pytest.approx((0.875, 0.75))


def test_a_left_out_prompt_is_scored_by_the_others() -> None:
    """Without one prompt at x = 1 gains have the mean 3/7, x the mean -1/7 and the variance 48/49, and together the
    covariance 3/7 + 3/49 = 24/49. The slope is 7 * 24/49 / (8 * 48/49) = 7/16, the gain at x = 1 is 3/7 + 7/16 * 8/7.
    """
    found = learn_deferral(eight(), 0, 1, ["sure", "x"], folds=8)
    assert found.signal[4:, 0, 0] == pytest.approx(-13 / 14)
    assert np.isnan(found.signal[:, 1]).all()


def test_diff_01_learns_being_right_and_the_difference_learns_quality() -> None:
    """Of 0.4 and 0.6 the difference is 0.2, and one is right and the other not: 1. Elsewhere both are 0."""
    x = np.repeat([-1.0, 1.0], 4)
    table = table_of(np.where(x[:, None] > 0, [0.4, 0.6], 0.3), {"sure": np.zeros(8), "x": x})
    by_difference = learn_deferral(table, 0, 1, ["sure", "x"], folds=8)
    by_right = learn_deferral(table, 0, 1, ["sure", "x"], folds=8, target="diff-01")
    assert (affine(by_difference).bias, affine(by_right).bias) == pytest.approx((-0.1, -0.5))
    assert affine(by_right).weights == pytest.approx(tuple(5 * weight for weight in affine(by_difference).weights))


@pytest.mark.parametrize(("target", "of_large"), [("diff-prob", [0.5, 0.5]), ("max-prob", [0.5, 1.0])])
def test_targets_of_chances_by_hand(target: Target, of_large: list[float]) -> None:
    """The small model's chance is 0.5 everywhere. Diff-Prob: with 0.5 of the large one too, half of the difference of
    qualities; MaxProb: at x = 1 the large one's is 1. Both gain 0 at x = -1 and 0.5 at x = 1, half of what
    `test_ridge_by_hand` learns.
    """
    known = eight()
    chance = np.stack([np.full(8, 0.5), np.repeat(of_large, 4)], axis=1)
    found = learn_deferral(known.with_signal("chance", chance), 0, 1, ["chance", "x"], target=target, folds=8)
    assert found.kept == "learned" and affine(found).bias == pytest.approx(-0.25)
    assert affine(found).weights == pytest.approx((0.0, -2 / 9))


def test_a_logarithm_is_no_chance() -> None:
    with pytest.raises(ValueError, match="max-prob compares chances, and 'x' is none: calibrate it"):
        learn_deferral(eight(), 0, 1, ["x", "sure"], target="max-prob")


@pytest.mark.parametrize("learner", ["ridge", "logistic"])
def test_what_a_specialist_knows_beats_confidence_also_on_new_prompts(learner: Learner) -> None:
    found = learn_deferral(specialist(400, 0), 0, 1, ["sure", "z"], learn=AffineGain(learner))
    assert found.kept == "learned" and found.learned_area > found.confidence_area + 0.02
    assert affine(found).weights[0] > 0 > affine(found).weights[1]
    fresh = specialist(2000, 1)
    weak, strong = fresh.quality[:, 0, 0], fresh.quality[:, 1, 0]
    learned = deferral_area(signal_of(found.rule, fresh, 0)[:, 0, 0], weak, strong)
    assert learned > deferral_area(fresh.signals["sure"][:, 0, 0], weak, strong) + 0.02


def test_confidence_stays_where_it_is_enough() -> None:
    table = generalist(60, seed=3)
    found = learn_deferral(table, 0, 1, sorted(table.signals)[-1:] + sorted(table.signals)[:-1])
    assert found.kept == "confidence" and found.learned_area <= found.confidence_area
    assert (found.rule.signals, affine(found).weights) == (("sure",), (1.0,))
    assert (found.signal[:, 0] == table.signals["sure"][:, 0]).all()


def test_a_routers_estimates_are_features_too() -> None:
    """The router knows the subject, the signals do not."""
    table = specialist(400, 0)
    estimates = np.stack([np.full(400, 0.5), table.signals["z"][:, 0, 0].astype(np.float64)], axis=1)
    without, found = (learn_deferral(table, 0, 1, ["sure"], estimates=given) for given in (None, estimates))
    assert found.kept == "learned" and found.learned_area > without.learned_area + 0.02
    assert found.rule.estimates == (0, 1) and affine(found).weights[2] < 0 and affine(found).weights[1] == 0
    assert signal_of(found.rule, table, 0, estimates).shape == (400, 2, 1)
    with pytest.raises(ValueError, match="the signal reads a router's estimates"):
        signal_of(found.rule, table, 0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["ridge", "logistic"]))
def test_no_prompts_outcome_moves_its_own_signal_and_order_changes_nothing(seed: int, learner: Learner) -> None:
    rng, table = np.random.default_rng(seed), specialist(200, seed)
    row, order = int(rng.integers(200)), rng.permutation(200)
    found = learn_deferral(table, 0, 1, ["sure", "z"], learn=AffineGain(learner))
    flipped = table.quality.copy()
    flipped[row] = 1 - flipped[row]
    other = learn_deferral(
        ReplayTable.from_arrays(table.models, flipped, signals=table.signals, texts=table.texts),
        0,
        1,
        ["sure", "z"],
        learn=AffineGain(learner),
    )
    assert found.kept == other.kept == "learned"
    assert other.signal[row, 0] == found.signal[row, 0]
    shuffled = learn_deferral(table.take(order), 0, 1, ["sure", "z"], learn=AffineGain(learner))
    assert shuffled.signal[:, 0] == pytest.approx(found.signal[order, 0], abs=1e-4)


def test_a_prompt_counts_once_however_many_samples_it_has() -> None:
    """Each answer twice is each answer once."""
    once = specialist(100, 0)
    twice = ReplayTable.from_arrays(
        once.models,
        once.quality.repeat(2, axis=2),
        signals={name: values.repeat(2, axis=2) for name, values in once.signals.items()},
        texts=once.texts,
    )
    one, two = (learn_deferral(table, 0, 1, ["sure", "z"]) for table in (once, twice))
    assert affine(two).weights == pytest.approx(affine(one).weights)
    assert (two.learned_area, two.confidence_area) == pytest.approx((one.learned_area, one.confidence_area))
    assert two.signal[:, 0] == pytest.approx(one.signal[:, 0].repeat(2, axis=1))


def test_what_is_not_known_is_not_sure_and_teaches_nothing() -> None:
    """A prompt without x, one with an infinite x and one without the large model's answer leave the rest as it was."""
    known = eight()
    quality = np.concatenate([known.quality[:, :, 0], [[1.0, 1.0], [1.0, 1.0], [0.0, NAN]]])
    x = np.append(known.signals["x"][:, 0, 0], [NAN, -np.inf, 1.0])
    found = learn_deferral(table_of(quality, {"sure": np.zeros(11), "x": x}), 0, 1, ["sure", "x"], folds=11)
    assert np.isnan(found.signal[:, 0, 0]).tolist() == [False] * 8 + [True, True, False]
    assert found.rule == learn_deferral(known, 0, 1, ["sure", "x"], folds=8).rule


def test_the_area_by_hand() -> None:
    """Unknown first: quality 0, 1, 1 at 0, 1/2, 1 of two prompts is 0.75; in the other order 0, 0, 1 is 0.25.

    A weight of 3 on the gaining one: 0, 0.75, 0.75 at 0, 0.75, 1.
    """
    first, following = [0.0, 0.0], [2.0, 0.0]
    assert deferral_area([NAN, -9.0], first, following) == 0.75
    assert deferral_area([-9.0, NAN], first, following) == 0.25
    assert deferral_area([0.5, 0.5], first, following) == 0.5
    assert deferral_area([0.1, 0.2], first, following, [3.0, 1.0]) == pytest.approx(1.5 * 0.75 / 2 + 1.5 * 0.25)


def test_the_signal_goes_into_a_table_and_a_chain() -> None:
    """Prompts at x = -1 are kept and right, those at x = 1 go on: quality 1 with the large model called on half."""
    found = learn_deferral(eight(), 0, 1, ["sure", "x"], folds=8)
    played = replay(ThresholdChain((0, 1), (-0.5,), "gain"), eight().with_signal("gain", found.signal))
    assert played.quality.tolist() == [1.0] * 8 and played.calls.sum(axis=0).tolist() == [8, 4]


def test_equal_texts_are_in_one_fold_and_folds_are_even() -> None:
    texts = [f"t{row % 50}" for row in range(100)]
    fold = folds_of(texts, 5, seed=1)
    assert (fold[:50] == fold[50:]).all() and np.bincount(fold).tolist() == [20] * 5
    assert (folds_of(texts[::-1], 5, seed=1) == fold[::-1]).all() and (folds_of(texts, 5, seed=2) != fold).any()


@pytest.mark.parametrize("folds", [1, 9])
def test_folds_that_cannot_be_are_refused(folds: int) -> None:
    with pytest.raises(ValueError, match=f"{folds} folds of 8 distinct prompts"):
        learn_deferral(eight(), 0, 1, ["x"], folds=folds)


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown signals \['y'\]; signals of the table: \['sure', 'x'\]"):
        learn_deferral(eight(), 0, 1, ["x", "y"])
    with pytest.raises(ValueError, match=r"no signals; the first one is the plain confidence"):
        learn_deferral(eight(), 0, 1, [])
    with pytest.raises(ValueError, match="a fold has nothing to learn from"):
        learn_deferral(table_of(np.full((8, 2), NAN), {"x": np.zeros(8)}), 0, 1, ["x"], folds=2)


def test_equal_gains_teach_nothing() -> None:
    """Ridge weighs nothing and says the gain; logistic has one class only and says 0; confidence wins the tie."""
    table = table_of([[0.0, 1.0]] * 8, {"x": np.arange(8.0)})
    for learner in ("ridge", "logistic"):
        found = learn_deferral(table, 0, 1, ["x"], learn=AffineGain(learner))
        assert found.kept == "confidence" and found.learned_area == pytest.approx(0.5)
