import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet
from anabranch.data.prices import CACHE_READ, INPUT, OUTPUT, PriceTable, UnknownPriceError
from anabranch.data.reprice import reprice

PRICES = PriceTable(
    {"m": {INPUT: 1e-6, OUTPUT: 2e-6, CACHE_READ: 1e-7}, "n": {INPUT: 1e-5, OUTPUT: 3e-5}}, {}, "2026-01-31", ""
)
PROMPTS = pa.table({"prompt_id": ["x", "y"], "prompt": ["one", "two"]})
LABELS = pa.table(
    {
        "prompt_id": ["x", "x", "y"],
        "model": ["n", "m", "m"],
        "quality": [1.0, 0.5, 0.0],
        "cost_usd": [9.0, None, 9.0],
        "prompt_tokens": [100, 100, 200],
        "completion_tokens": [10, 20, 30],
        "judge": ["exact", "exact", None],
    }
)


def test_cost_is_computed_from_tokens() -> None:
    """n: 100 x 10 + 10 x 30 = 1,300; m: 100 + 2 x 20 = 140 and 200 + 2 x 30 = 260 USD per million."""
    table = reprice(LabelSet(PROMPTS, LABELS), PRICES).labels

    np.testing.assert_allclose(table["cost_usd"].to_numpy() * 1e6, [1300, 140, 260], rtol=1e-12)
    assert table["price_date"].to_pylist() == ["2026-01-31"] * 3
    assert table.column_names == [*LABELS.column_names, "price_date"]
    assert table["judge"].to_pylist() == ["exact", "exact", None]


def test_cached_tokens_count_where_they_are_known() -> None:
    """Row 1: 50 x 1 + 50 x 0.1 + 20 x 2 = 95 instead of 140."""
    table = LABELS.append_column("cached_tokens", [[None, 50, 0]])

    repriced = reprice(LabelSet(PROMPTS, table), PRICES).labels

    np.testing.assert_allclose(repriced["cost_usd"].to_numpy() * 1e6, [1300, 95, 260], rtol=1e-12)


def test_repricing_twice_is_repricing_once() -> None:
    once = reprice(LabelSet(PROMPTS, LABELS), PRICES)

    assert reprice(once, PRICES).hashes() == once.hashes()


def test_unknown_tokens_are_named() -> None:
    table = LABELS.set_column(5, "completion_tokens", [[10, None, None]])

    with pytest.raises(LabelError) as refused:
        reprice(LabelSet(PROMPTS, table), PRICES)

    assert str(refused.value) == (
        "labels.parquet row 1 (prompt 'x', model 'm'): prompt_tokens or completion_tokens is not known; "
        "repricing needs both (2 such rows)"
    )


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(UnknownPriceError, match="no price for model 'n'"):
        reprice(LabelSet(PROMPTS, LABELS), PriceTable({"m": {INPUT: 0.0, OUTPUT: 0.0}}, {}, "", ""))
