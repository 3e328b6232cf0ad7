"""The prices per token behind the recorded costs of a model, where two of them explain every cost."""

import numpy as np

from anabranch.data.columns import codes, numbers
from anabranch.data.labelset import LabelSet
from anabranch.data.prices import INPUT, OUTPUT

_EXACT = 1e-6  # of the dearest answer


def implied_prices(labels: LabelSet, model: str) -> dict[str, float] | None:
    """USD a token by LiteLLM's keys, if one input and one output price give back all recorded costs of a model.

    None where costs or tokens are not recorded, where cached tokens or tiers cost otherwise, or where the answers are
    too alike to tell the two prices apart.

    >>> import pyarrow as pa
    >>> rows = {"prompt_id": ["x", "y"], "model": ["m", "m"], "quality": [1.0, 1.0], "cost_usd": [0.005, 0.008]}
    >>> labels = pa.table({**rows, "prompt_tokens": [1000, 2000], "completion_tokens": [1000, 1500]})
    >>> prompts = pa.table({"prompt_id": ["x", "y"], "prompt": ["1 + 1?", "2 + 2?"]})
    >>> found = implied_prices(LabelSet(prompts, labels), "m")
    >>> {name: round(usd, 9) for name, usd in found.items()}
    {'input_cost_per_token': 1e-06, 'output_cost_per_token': 4e-06}
    """
    rows = codes(labels.labels, "model", [model]) == 0
    prompt, completion, cost = (
        numbers(labels.labels, name)[rows] for name in ("prompt_tokens", "completion_tokens", "cost_usd")
    )
    known = ~np.isnan(prompt + completion + cost)
    tokens, usd = np.stack([prompt, completion], axis=1)[known], cost[known]  # (n, 2), (n,)
    if len(usd) == 0:
        return None
    prices, _, rank, _ = np.linalg.lstsq(tokens, usd, rcond=None)
    if rank < 2 or np.abs(tokens @ prices - usd).max() > _EXACT * usd.max() or prices.min() < 0:
        return None
    return {INPUT: float(prices[0]), OUTPUT: float(prices[1])}
