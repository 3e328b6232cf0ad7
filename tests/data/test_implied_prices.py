"""Prices per token out of recorded costs, where they are there."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.implied_prices import implied_prices
from anabranch.data.labelset import LabelSet

READ, WRITTEN = 3e-7, 1.2e-6
PROMPT, COMPLETION = [120.0, 80.0, 300.0, 7.0], [5.0, 40.0, 1.0, 64.0]
COST = [READ * p + WRITTEN * c for p, c in zip(PROMPT, COMPLETION, strict=True)]


def labels(**columns: Any) -> LabelSet:
    """Four answers of one model, and one of another at ten times the price."""
    rows: dict[str, Any] = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION, "cost_usd": COST, **columns}
    other = {"prompt_tokens": 9.0, "completion_tokens": 9.0, "cost_usd": 9.0}
    ids = [f"p{number}" for number in range(5)]
    table = {name: [*values, other[name]] for name, values in rows.items() if values is not None}
    named = {"prompt_id": ids, "model": ["owl"] * 4 + ["wren"], "quality": [1.0] * 5}
    return LabelSet(pa.table({"prompt_id": ids, "prompt": ids}), pa.table({**named, **table}))


def test_two_prices_that_give_back_every_cost_are_found() -> None:
    found = implied_prices(labels(), "owl")
    assert found == pytest.approx({"input_cost_per_token": READ, "output_cost_per_token": WRITTEN})


def test_answers_of_unknown_cost_say_nothing() -> None:
    found = implied_prices(labels(cost_usd=[*COST[:3], None]), "owl")
    assert found == pytest.approx({"input_cost_per_token": READ, "output_cost_per_token": WRITTEN})


@pytest.mark.parametrize(
    "columns",
    [
        {"cost_usd": [*COST[:3], COST[3] * 1.01]},  # cached, or of another day
        {"completion_tokens": [p / 2 for p in PROMPT], "cost_usd": [READ * p for p in PROMPT]},  # cannot be told apart
        {"cost_usd": [max(0.0, p - c) for p, c in zip(PROMPT, COMPLETION, strict=True)]},  # no price is below 0
        {"cost_usd": None},
        {"prompt_tokens": None},
        {"cost_usd": [None] * 4},
    ],
)
def test_otherwise_there_are_none(columns: dict[str, Any]) -> None:
    assert implied_prices(labels(**columns), "owl") is None


def test_a_model_without_answers_has_none() -> None:
    assert implied_prices(labels(), "robin") is None


def test_what_costs_nothing_is_priced_at_nothing() -> None:
    found = implied_prices(labels(cost_usd=[0.0] * 4), "owl")
    assert found is not None and np.allclose([*found.values()], 0.0)
