from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.routers.deferral.state import Candidate, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.votes import plurality
from anabranch.training.replay.executor import replay
from anabranch.training.replay.signals import agreement, consistency

SEEDS = st.integers(0, 10_000)


def table_of(key: ArrayLike, quality: ArrayLike | None = None) -> ReplayTable:
    keys = np.array(key)
    scores = np.ones(keys.shape) if quality is None else quality
    return ReplayTable.from_arrays([f"m{model}" for model in range(keys.shape[1])], scores, key=keys)


def random_table(seed: int) -> ReplayTable:
    """Up to 4 models and samples, four keys, answers without one, and answers that are not recorded."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, 3))
    key = rng.integers(-1, 3, shape)
    return table_of(key, np.where(rng.random(shape) < 0.2, np.nan, 0.5))


def test_samples_by_hand() -> None:
    """Keys a a b c: share 1/2; entropy 1/2 ln 2 + 1/2 ln 4 = 1.5 ln 2 of at most ln 4: 1 - 3/4.

    a a and two without a key, which are answers of their own: the same. Only one of three recorded has a key: share
    1/3, entropy the greatest. One sample: 1 with a key, 0 without.
    """
    key = np.array([[[0, 0, 1, 2], [5, 5, -1, -1], [-1, -1, 3, 3], [4, 4, 4, 4], [-1, 4, 4, 4]]])
    quality = np.ones((1, 5, 4))
    quality[0, 2, 3] = quality[0, 3, 1:] = quality[0, 4, 1:] = np.nan
    table = table_of(key, quality)
    share, entropy = consistency(table), consistency(table, "entropy")
    assert share[0, :, 0].tolist() == pytest.approx([0.5, 0.5, 1 / 3, 1.0, 0.0])
    assert entropy[0, :, 0].tolist() == pytest.approx([0.25, 0.25, 0.0, 1.0, 0.0])
    assert (np.isnan(share) == ~table.recorded).all() and (np.isnan(entropy) == ~table.recorded).all()


def test_models_by_hand() -> None:
    """m0 says a, b; m1 says a and nothing; m2 says b once. Others of m0: three answers, one a, one b.

    Others of m1: a, b, b. Others of m2: a, b, a and nothing.
    """
    table = table_of([[[0, 1], [0, -1], [1, 0]]], np.array([[[1.0, 1.0], [1.0, 1.0], [1.0, np.nan]]]))
    expected = [[1 / 3, 1 / 3], [1 / 3, 0.0], [1 / 4, np.nan]]
    np.testing.assert_allclose(agreement(table)[0], expected)
    np.testing.assert_allclose(agreement(table, among=[2])[0], [[0.0, 1.0], [0.0, 0.0], [np.nan, np.nan]])


def test_one_model_alone_agrees_with_nobody() -> None:
    assert np.isnan(agreement(table_of([[[0, 0]]]))).all()
    with pytest.raises(ValueError, match=r"models \[3\] are not in the table; it has 1"):
        agreement(table_of([[0]]), among=[3])


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_signals_are_what_counting_gives(seed: int) -> None:
    """Counted answer by answer, in plain loops."""
    table = random_table(seed)
    share, entropy, agrees = consistency(table), consistency(table, "entropy"), agreement(table)
    for row, model, sample in np.argwhere(table.recorded):
        keys = {m: table.key[row, m][table.recorded[row, m]].tolist() for m in range(len(table.models))}
        own = keys.pop(model)
        counts = Counter(key for key in own if key != NO_KEY)
        assert share[row, model, sample] == pytest.approx(max(counts.values(), default=0) / len(own))
        if len(own) == 1:
            assert entropy[row, model, sample] == share[row, model, sample]
        else:
            bits = [*counts.values(), *[1] * own.count(NO_KEY)]
            spread = -sum(count / len(own) * log(count / len(own)) for count in bits)
            assert entropy[row, model, sample] == pytest.approx(1 - spread / log(len(own)), abs=1e-12)
        others = [key for each in keys.values() for key in each]
        mine = table.key[row, model, sample]
        same = 0 if mine == NO_KEY else others.count(mine)
        assert agrees[row, model, sample] == pytest.approx(same / len(others) if others else np.nan, nan_ok=True)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_names_of_keys_do_not_matter(seed: int) -> None:
    table = random_table(seed)
    renamed = table_of(np.where(table.key == NO_KEY, NO_KEY, 10**15 - 7 * table.key), table.quality)
    for signal in (consistency, agreement, lambda one: consistency(one, "entropy")):
        np.testing.assert_array_equal(signal(renamed), signal(table))


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_policy_that_has_called_all_samples_counts_the_same_share(seed: int) -> None:
    table = random_table(seed)
    for row, model in np.argwhere(table.recorded.any(axis=2)):
        keys = table.key[row, model][table.recorded[row, model]].tolist()
        said = tuple(Candidate(0, sample, None if key == NO_KEY else key) for sample, key in enumerate(keys))
        vote = plurality(State(said, np.ones(1), np.ones(1), u=0.0), range(len(said)))
        assert np.nanmax(consistency(table)[row, model]) == (0.0 if vote is None else vote.share)


def test_a_chain_reads_agreement_with_the_model_before() -> None:
    """m1 is kept on the prompt where it says what m0 said, and m2 called on the other; m0's own is not known."""
    table = table_of([[0, 0, 0], [0, 1, 1]])
    signalled = table.with_signal("agreement", agreement(table, among=[0]))
    assert replay(ThresholdChain((0, 1, 2), (0.5, 0.5), "agreement"), signalled).model.tolist() == [1, 2]
