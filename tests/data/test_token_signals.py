import math
from math import inf, nan

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.collection.entries import logprob_stats
from anabranch.data.collection.label_table import STATS
from anabranch.data.labelset import LabelSet
from anabranch.data.replay_table import ReplayTable, replay_table
from anabranch.data.token_signals import QUANTILES, RECORDED, TOKEN_SIGNALS, token_record, token_signals
from anabranch.upstreams.upstream import TokenLogprob

ELEVEN = [-1.0, *[-0.01 * place for place in range(10)]]
finite = st.floats(-200.0, 0.0)


def replayed(answers: list[list[float]]) -> ReplayTable:
    """One model's answers to one prompt each, through the text that a ledger keeps and the column of a label set."""
    ids = [f"p{row}" for row in range(len(answers))]
    kept = [logprob_stats([TokenLogprob("t", value) for value in logprobs]) for logprobs in answers]
    stats = pa.array([None if text is None else orjson.loads(text) for text in kept], STATS)
    columns = {"prompt_id": ids, "model": ["owl"] * len(ids), "quality": [1.0] * len(ids), "logprob_stats": stats}
    return replay_table(LabelSet(pa.table({"prompt_id": ids, "prompt": ids}), pa.table(columns)))


def test_eleven_tokens_by_hand() -> None:
    """In order -1, -0.09, ..., 0: alpha is a tenth of the place. Sum -1.45, mean -1.45/11.

    0.05 lies halfway between the first two, -0.545; 0.2 is the third, -0.08.
    """
    signals = token_signals(ELEVEN)
    expected = {"mean": -1.45 / 11, "min": -1.0, "sum": -1.45, "q00": -1.0, "q05": -0.545, "q20": -0.08, "q100": 0.0}
    assert {name: signals[f"logprob_{name}"] for name in expected} == pytest.approx(expected, abs=1e-7)
    assert signals["tokens"] == 11


def test_the_grid() -> None:
    assert list(QUANTILES.values()) == pytest.approx([*np.arange(11) / 100, *np.arange(2, 11) / 10])
    assert set(token_signals([-1.0])) == set(TOKEN_SIGNALS) and len(TOKEN_SIGNALS) == 24
    assert set(token_record([-1.0]) or {}) == set(RECORDED)


def test_what_is_not_known_is_left_out() -> None:
    """A token that was ruled out leaves every mean and the quantiles at it unknown, not those above it."""
    assert token_signals([]) == {} and token_record([]) is None
    assert token_signals([nan, -1.0]) == {"tokens": 2.0}
    above = {f"logprob_{name}": alpha - 1.5 for name, alpha in QUANTILES.items() if alpha >= 0.5}
    assert token_signals([-inf, -1.0, -0.5]) == pytest.approx({"tokens": 3.0, **above}, abs=1e-7)


@given(logprobs=st.lists(finite, min_size=1, max_size=30), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_order_of_tokens_does_not_matter_and_quantiles_rise(logprobs: list[float], seed: int) -> None:
    signals = token_signals(logprobs)
    shuffled = np.random.default_rng(seed).permutation(logprobs).tolist()
    assert token_signals(shuffled) == signals
    quantiles = [signals[f"logprob_{name}"] for name in QUANTILES]
    assert (np.diff(quantiles) >= -1e-4).all()
    assert quantiles[0] == signals["logprob_min"] <= signals["logprob_mean"] + 1e-4


@given(answers=st.lists(st.lists(st.one_of(finite, st.sampled_from([nan, -inf])), max_size=8), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_offline_and_online_are_the_same_names_and_values(answers: list[list[float]]) -> None:
    """To the last bit, after JSON and Arrow; what is not known offline is left out online."""
    table = replayed(answers)
    for row, logprobs in enumerate(answers):
        offline = {name: float(values[row, 0, 0]) for name, values in table.signals.items()}
        assert {name: value for name, value in offline.items() if not math.isnan(value)} == token_signals(logprobs)


def test_a_label_set_without_quantiles_still_reads() -> None:
    """As they were written before: a struct of three; beside an answer with quantiles, they are null."""
    old = {"tokens": 2, "mean": -0.5, "min": -0.75}
    ids = ["x", "y"]
    columns = {"prompt_id": ids, "model": ["owl", "owl"], "quality": [1.0, 0.0]}
    prompts = pa.table({"prompt_id": ids, "prompt": ids})
    three = replay_table(LabelSet(prompts, pa.table({**columns, "logprob_stats": [old, None]})))
    assert set(three.signals) == {"tokens", "logprob_mean", "logprob_min", "logprob_sum"}
    mixed = pa.array([old, token_record([-0.25])], STATS)
    signals = replay_table(LabelSet(prompts, pa.table({**columns, "logprob_stats": mixed}))).signals
    np.testing.assert_array_equal(signals["logprob_q50"][:, 0, 0], [np.nan, -0.25])
    np.testing.assert_array_equal(signals["logprob_sum"][:, 0, 0], [-1.0, -0.25])
    nothing = pa.table({**columns, "logprob_stats": pa.nulls(2)})
    assert replay_table(LabelSet(prompts, nothing)).signals == {}
