"""What each answer cost, by its real usage."""

from anabranch.data.prices import PriceTable
from anabranch.upstreams.upstream import Usage


class Costs:
    """A price table for one answer at a time: prices without tiers become five factors a model.

    >>> price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
    >>> costs = Costs(PriceTable({"m": price}, {}, "2026-01-31", ""))
    >>> round(costs.usd("m", Usage(1000, 250)), 6), costs.usd("m", None), costs.usd("free", Usage(1000, 250))
    (0.002, None, None)
    """

    def __init__(self, prices: PriceTable) -> None:
        self._prices, self.date = prices, prices.date
        untiered = [model for model, entry in prices.entries.items() if not any("_above_" in key for key in entry)]
        self._factors = {model: _factors(prices, model) for model in untiered}

    def usd(self, model: str, usage: Usage | None) -> float | None:
        """USD; None without usage or price, or with counts that contradict themselves."""
        if usage is None or model not in self._prices.entries:
            return None
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        spoken = usage.completion_tokens - usage.reasoning_tokens
        parts = (fresh, usage.cached_tokens, usage.cache_write_tokens, spoken, usage.reasoning_tokens)
        if min(parts) < 0:
            return None
        factors = self._factors.get(model)
        if factors is None:
            return self._tiered(model, usage)
        return float(sum(tokens * factor for tokens, factor in zip(parts, factors, strict=True)))

    def _tiered(self, model: str, usage: Usage) -> float:
        usd = self._prices.usd(
            model,
            usage.prompt_tokens,
            usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens,
        )
        return float(usd)


def _factors(prices: PriceTable, model: str) -> tuple[float, ...]:
    """USD of one fresh, cached, and cache-write token of a prompt, and one spoken and reasoned of an answer."""
    one_each = prices.usd(
        model,
        [1, 1, 1, 0, 0],
        [0, 0, 0, 1, 1],
        cached_tokens=[0, 1, 0, 0, 0],
        cache_write_tokens=[0, 0, 1, 0, 0],
        reasoning_tokens=[0, 0, 0, 0, 1],
    )
    return tuple(one_each.tolist())
