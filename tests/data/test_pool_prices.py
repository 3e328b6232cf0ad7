from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.data.pool_prices import prices_of
from anabranch.data.prices import UnknownPriceError
from anabranch.upstreams.pool import Pool, PoolError

OWN = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
FILE = {
    "owl": {"input_cost_per_token": 5e-6, "output_cost_per_token": 6e-6},
    "openai/wren-7b": {"input_cost_per_token": 2e-6, "output_cost_per_token": 3e-6},
    "half": {"input_cost_per_token": 2e-6},
}


def pool(folder: Path, *models: dict[str, Any], file: bool = True) -> Pool:
    (folder / "prices.json").write_bytes(orjson.dumps(FILE))
    named = [{"upstream": "x", **model} for model in models]
    prices = folder / "prices.json" if file else None
    return Pool.model_validate({"upstreams": {"x": {}}, "models": named, "prices": prices})


def test_own_prices_win_then_the_name_then_the_name_at_the_upstream(tmp_path: Path) -> None:
    models = ({"name": "owl", "prices": OWN}, {"name": "wren", "model": "wren-7b"}, {"name": "bird", "model": "owl"})
    table = prices_of(pool(tmp_path, *models), date="2026-01-31")
    assert [table.per_token(name) for name in ("owl", "wren", "bird")] == [(1e-6, 4e-6), (2e-6, 3e-6), (5e-6, 6e-6)]
    assert table.date == "2026-01-31"


def test_all_models_without_a_price_are_named(tmp_path: Path) -> None:
    models = ({"name": "owl"}, {"name": "half"}, {"name": "none"})
    with pytest.raises(UnknownPriceError, match="no input_cost_per_token and output_cost_per_token for half, none; "):
        prices_of(pool(tmp_path, *models))
    assert set(prices_of(pool(tmp_path, *models), partial=True).entries) == {"owl"}
    with pytest.raises(UnknownPriceError, match="for owl"):
        prices_of(pool(tmp_path, {"name": "owl"}, file=False))


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({**OWN, "input_cost_per_token": -1.0}, r"input_cost_per_token of model 'owl' is -1.0; it must be USD a token"),
        ({**OWN, "input_cost_per_token": float("nan")}, "is nan; it must be USD a token"),
        ({**OWN, "cache_cost": 1e-6}, "model 'owl' has an unknown price 'cache_cost'; known: input_cost_per_token, "),
    ],
)
def test_prices_that_cannot_be(prices: dict[str, float], message: str, tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=message):
        prices_of(pool(tmp_path, {"name": "owl", "prices": prices}))


def test_the_hash_follows_the_prices(tmp_path: Path) -> None:
    one = prices_of(pool(tmp_path, {"name": "owl", "prices": OWN}))
    same = prices_of(pool(tmp_path, {"name": "owl", "prices": dict(reversed(OWN.items()))}))
    other = prices_of(pool(tmp_path, {"name": "owl"}))
    assert one.sha256 == same.sha256 != other.sha256
