"""The prices of a pool: each model's own, or those of the pool's price file."""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from anabranch.data.prices import (
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    OUTPUT,
    REASONING,
    PriceTable,
    UnknownPriceError,
    read_prices,
)
from anabranch.upstreams.pool import Pool, PoolError, PoolModel

_KINDS = (INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, REASONING)


def prices_of(pool: Pool, *, partial: bool = False, date: str | None = None) -> PriceTable:
    """The prices of a pool's models, by the names that the pool gives them.

    A model's own prices win; without any, the price file's entry of its name counts, then that of its name at the
    upstream.

    Args:
        pool: whose models.
        partial: leave models without prices out, where they would be refused.
        date: day on which the prices held, YYYY-MM-DD; the price file's if it is used, else today (UTC).

    Raises:
        UnknownPriceError: models lack an input or output price; all of them are named.
        PoolError: a price is negative, or of an unknown kind.

    >>> price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
    >>> models = [{"name": "owl", "upstream": "here", "prices": price}]
    >>> pool = Pool.model_validate({"upstreams": {"here": {"kind": "fake"}}, "models": models})
    >>> float(prices_of(pool).usd("owl", 1000, 250).round(6))
    0.002
    """
    table = None if pool.prices is None else read_prices(pool.prices, date=date)
    entries: dict[str, Mapping[str, float]] = {}
    for model in pool.models:
        entry = _checked(model) or _looked_up(model, table)
        if INPUT in entry and OUTPUT in entry:
            entries[model.name] = entry
    missing = [model.name for model in pool.models if model.name not in entries]
    if missing and not partial:
        raise UnknownPriceError(
            f"no {INPUT} and {OUTPUT} for {', '.join(missing)}; "
            "give each its prices in the pool file, or name a price file there"
        )
    from_file = table is not None and any(not model.prices for model in pool.models)
    today = datetime.now(UTC).date().isoformat()
    return PriceTable(
        entries=entries,
        providers={},
        date=table.date if table is not None and from_file else date or today,
        sha256=hashlib.sha256(orjson.dumps(entries, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def _checked(model: PoolModel) -> Mapping[str, float]:
    for key, usd in model.prices.items():
        if not key.startswith(_KINDS):
            raise PoolError(f"model {model.name!r} has an unknown price {key!r}; known: {', '.join(_KINDS)}")
        if not 0 <= usd < math.inf:
            raise PoolError(f"{key} of model {model.name!r} is {usd}; it must be USD a token, at least 0")
    return model.prices


def _looked_up(model: PoolModel, table: PriceTable | None) -> Mapping[str, float]:
    if table is None:
        return {}
    for name in (model.name, model.served_as):
        try:
            return table.entries[table.resolve(name)]
        except UnknownPriceError:
            continue
    return {}
