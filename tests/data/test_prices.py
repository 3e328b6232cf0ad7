import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.prices import PriceTable, UnknownPriceError, read_prices

MILLION = 1_000_000
MODELS: dict[str, dict[str, Any]] = {
    "sample_spec": {"input_cost_per_token": "USD per token", "litellm_provider": "one of many"},
    "plain": {"input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06, "litellm_provider": "openai"},
    "full": {
        "input_cost_per_token": 2e-06,
        "output_cost_per_token": 8e-06,
        "cache_read_input_token_cost": 5e-07,
        "cache_creation_input_token_cost": 2.5e-06,
        "output_cost_per_reasoning_token": 9e-06,
        "input_cost_per_token_batches": 1e-06,
        "output_cost_per_token_batches": 4e-06,
        "max_input_tokens": 128000,
        "supports_vision": True,
    },
    "tiered": {
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06,
        "cache_read_input_token_cost": 1e-07,
        "input_cost_per_token_above_200k_tokens": 3e-06,
        "output_cost_per_token_above_200k_tokens": 5e-06,
        "input_cost_per_token_above_500k_tokens": 7e-06,
        "input_cost_per_token_batches": 5e-07,
        "output_cost_per_token_batches": 1e-06,
    },
    "free": {"input_cost_per_token": 0, "output_cost_per_token": 0.0},
    "embedding": {"input_cost_per_token": 1e-07, "output_cost_per_token": None},
    "azure/plain": {"input_cost_per_token": 3e-06, "output_cost_per_token": 5e-06},
    "azure/gpt": {"input_cost_per_token": 3e-06, "output_cost_per_token": 5e-06},
    "one/llama": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
    "two/llama": {"input_cost_per_token": 2e-06, "output_cost_per_token": 2e-06},
}


@pytest.fixture
def prices(tmp_path: Path) -> PriceTable:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(MODELS))
    return read_prices(path, date="2026-01-31")


def test_prices_are_those_of_the_file(prices: PriceTable) -> None:
    assert prices.per_token("plain") == (1e-06, 4e-06)
    assert prices.date == "2026-01-31"
    assert prices.sha256 == sha256(json.dumps(MODELS).encode()).hexdigest()
    assert "sample_spec" not in prices.entries


def test_the_files_own_date_stands_in(tmp_path: Path) -> None:
    """Second 86,400 of the epoch is 1970-01-02 (UTC)."""
    path = tmp_path / "prices.json"
    path.write_text("{}")
    os.utime(path, (86_400, 86_400))

    assert read_prices(path).date == "1970-01-02"


def test_tokens_times_price(prices: PriceTable) -> None:
    """1,000 x 1 + 250 x 4 = 2,000 and 2,000 x 1 + 250 x 4 = 3,000 USD per million."""
    usd = prices.usd("plain", np.array([1000, 2000]), 250)

    np.testing.assert_allclose(usd * MILLION, [2000, 3000], rtol=1e-12)


def test_every_kind_of_token_has_its_price(prices: PriceTable) -> None:
    """Prompt: 500 x 2 + 400 x 0.5 + 100 x 2.5 = 1,450; completion: 30 x 8 + 70 x 9 = 870."""
    usd = prices.usd("full", 1000, 100, cached_tokens=400, cache_write_tokens=100, reasoning_tokens=70)

    assert float(usd) * MILLION == pytest.approx(2320)


def test_parts_without_a_price_cost_what_the_whole_does(prices: PriceTable) -> None:
    usd = prices.usd("plain", 1000, 100, cached_tokens=400, cache_write_tokens=100, reasoning_tokens=70)

    assert float(usd) == pytest.approx(float(prices.usd("plain", 1000, 100)))


def test_batch_prices(prices: PriceTable) -> None:
    """900 x 1 + 100 x 0.5 (cache: the standard price) + 10 x 4 = 990."""
    assert float(prices.usd("full", 1000, 10, cached_tokens=100, batch=True)) * MILLION == pytest.approx(990)


def test_a_long_prompt_pays_the_tier_for_all_its_tokens(prices: PriceTable) -> None:
    """200,000 is not above. One more: 200,001 x 3 + 10 x 5. 600,000 x 7 + 10 x 2: that tier names no output."""
    usd = prices.usd("tiered", [200_000, 200_001, 600_000], 10)

    np.testing.assert_allclose(usd * MILLION, [200_020, 600_053, 4_200_020], rtol=1e-12)


def test_a_tier_without_its_own_cache_price_keeps_the_standard_one(prices: PriceTable) -> None:
    """200,000 x 3 + 100,000 x 0.1 = 610,000."""
    usd = prices.usd("tiered", 300_000, 0, cached_tokens=100_000)

    assert float(usd) * MILLION == pytest.approx(610_000)


def test_a_batch_price_is_not_guessed(prices: PriceTable) -> None:
    with pytest.raises(UnknownPriceError, match="'plain' has no 'input_cost_per_token_batches'"):
        prices.usd("plain", 1, 1, batch=True)
    assert float(prices.usd("tiered", 1000, 0, batch=True)) * MILLION == pytest.approx(500)
    with pytest.raises(UnknownPriceError, match="'input_cost_per_token_above_200k_tokens_batches'"):
        prices.usd("tiered", 200_001, 0, batch=True)


def test_a_price_of_nothing_is_a_price(prices: PriceTable) -> None:
    assert prices.usd("free", [10, 20], 5).tolist() == [0.0, 0.0]


def test_unknown_counts_cost_an_unknown_amount(prices: PriceTable) -> None:
    assert np.isnan(prices.usd("tiered", [np.nan, 1.0], [1.0, np.nan])).all()


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_tokens": -1, "completion_tokens": 0},
        {"prompt_tokens": 1, "completion_tokens": [1, -1]},
        {"prompt_tokens": 10, "completion_tokens": 0, "cached_tokens": 6, "cache_write_tokens": 6},
        {"prompt_tokens": 10, "completion_tokens": 1, "reasoning_tokens": 2},
    ],
)
def test_counts_that_cannot_be_are_refused(prices: PriceTable, counts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="token counts must be at least 0, cached"):
        prices.usd("full", **counts)


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_completion_never_costs_less(prompt: int, completion: int, more: int) -> None:
    table = PriceTable({name: MODELS[name] for name in ("full", "tiered")}, {}, "", "")

    for model in table.entries:
        assert table.usd(model, prompt, completion + more) >= table.usd(model, prompt, completion)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("plain", "plain"),
        ("openai/plain", "plain"),
        ("azure/plain", "azure/plain"),
        ("gpt", "azure/gpt"),
        ("x/full", "full"),
    ],
)
def test_names_are_resolved(prices: PriceTable, asked: str, found: str) -> None:
    assert prices.resolve(asked) == found


def test_another_providers_price_is_not_taken(prices: PriceTable) -> None:
    """The file says that `plain` is asked by openai."""
    with pytest.raises(UnknownPriceError, match="no price for model 'together/plain'"):
        prices.usd("together/plain", 1, 1)


def test_an_ambiguous_name_lists_the_choices(prices: PriceTable) -> None:
    with pytest.raises(UnknownPriceError, match=r"'llama' is ambiguous: \['one/llama', 'two/llama'\]; use one"):
        prices.usd("llama", 1, 1)


def test_an_unknown_model_is_never_free(prices: PriceTable) -> None:
    with pytest.raises(UnknownPriceError) as refused:
        prices.usd("plian", 1, 1)

    assert str(refused.value) == (
        "no price for model 'plian' among 9 of 2026-01-31; close: ['plain']; "
        "add it to the price file (LiteLLM's model_prices_and_context_window.json format)"
    )


def test_a_missing_price_is_named(prices: PriceTable) -> None:
    with pytest.raises(UnknownPriceError, match="'embedding' has no 'output_cost_per_token' in the prices of 2026"):
        prices.per_token("embedding")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must map each model name to its prices"),
        ('{"m": 3}', "must map each model name to its prices"),
        ('{"m": {"input_cost_per_token": "1e-6"}}', "input_cost_per_token of model 'm' is '1e-6'"),
        ('{"m": {"output_cost_per_token": -1e-6}}', "output_cost_per_token of model 'm' is -1e-06"),
        ('{"m": {"output_cost_per_token": true}}', "output_cost_per_token of model 'm' is True"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(content)

    with pytest.raises(ValueError, match=message):
        read_prices(path)
