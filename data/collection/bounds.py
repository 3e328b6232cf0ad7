"""How many tokens a prompt has at most, and what a request may therefore cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from anabranch.data.prices import PriceTable

TEMPLATE_TOKENS = 128
MESSAGE_TOKENS = 16
CHARACTERS_A_TOKEN = 4  # of English text, as a rule of thumb

Floats = NDArray[np.float64]


def most_prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int | None:
    """An upper bound on the tokens of a chat; None if it holds images, audio or files.

    A token is at least one byte of UTF-8, and the chat as JSON has no fewer bytes than its texts. On top come 16
    tokens a message and 128 a chat for the model's template. A template that adds more, or a tokenizer that rewrites
    characters into longer ones, may exceed it.

    >>> most_prompt_tokens([{"role": "user", "content": "hi"}]) == 128 + 16 + len('[{"role":"user","content":"hi"}]')
    True
    """
    for message in messages:
        parts = message.get("content")
        if isinstance(parts, list) and any(part.get("type", "text") != "text" for part in parts):
            return None
    return TEMPLATE_TOKENS + len(messages) * MESSAGE_TOKENS + len(orjson.dumps(messages))


def likely_prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> float:
    """An estimate: characters / 4.

    >>> likely_prompt_tokens([{"role": "user", "content": "how are you?"}])
    3.0
    """
    return sum(len(str(message.get("content") or "")) for message in messages) / CHARACTERS_A_TOKEN


def most_usd(prices: PriceTable, model: str, prompt_tokens: Floats, max_tokens: int) -> Floats:
    """The most that requests may cost, USD [N], whatever of them is cached or reasoned; NaN where tokens are NaN.

    >>> price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, "cache_creation_input_token_cost": 2e-6}
    >>> most_usd(PriceTable({"m": price}, {}, "", ""), "m", np.array([1000.0]), 250).round(6).tolist()
    [0.003]
    """
    ways = [
        prices.usd(model, prompt_tokens, max_tokens, cache_write_tokens=written, reasoning_tokens=reasoning)
        for written in (0.0, prompt_tokens)
        for reasoning in (0, max_tokens)
    ]
    return np.asarray(np.max(ways, axis=0), np.float64)
