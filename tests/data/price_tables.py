"""Prices of three kinds: plain, with prices of its own for caches and reasoning, and with a tier."""

from anabranch.data.prices import PriceTable

PLAIN = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
RICH = {
    **PLAIN,
    "cache_read_input_token_cost": 1e-7,
    "cache_creation_input_token_cost": 2e-6,
    "output_cost_per_reasoning_token": 8e-6,
}
TIERED = {**PLAIN, "input_cost_per_token_above_1k_tokens": 3e-6}
TABLE = PriceTable({"plain": PLAIN, "rich": RICH, "tiered": TIERED}, {}, "2026-01-31", "")
