"""Repricing: what recorded requests cost at the prices of another day."""

import numpy as np
import pyarrow as pa

from anabranch.data.columns import codes, distinct, numbers
from anabranch.data.label_rules import refuse_row
from anabranch.data.labelset import LabelSet
from anabranch.data.prices import PriceTable

_PARTS = ("cached_tokens", "cache_write_tokens", "reasoning_tokens")


def reprice(labels: LabelSet, prices: PriceTable) -> LabelSet:
    """The same labels with `cost_usd` computed from their tokens, and the prices' date in `price_date`.

    Each label is priced by its `model`. Columns cached_tokens, cache_write_tokens and reasoning_tokens
    count where they are there (null is 0).

    Raises:
        LabelError: a label does not know its prompt_tokens or completion_tokens.
        UnknownPriceError: a model has no price.
        ValueError: a part exceeds its whole (`PriceTable.usd`).

    >>> label = {"prompt_id": "x", "model": "m", "quality": 1.0, "prompt_tokens": 1000, "completion_tokens": 250}
    >>> labels = LabelSet(pa.table({"prompt_id": ["x"], "prompt": ["Hi"]}), pa.Table.from_pylist([label]))
    >>> prices = PriceTable({"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}}, {}, "", "")
    >>> round(reprice(labels, prices).labels["cost_usd"][0].as_py(), 6)
    0.002
    """
    table = labels.labels
    tokens = [numbers(table, column) for column in ("prompt_tokens", "completion_tokens")]
    unknown = np.isnan(tokens[0]) | np.isnan(tokens[1])
    if unknown.any():
        reason = "prompt_tokens or completion_tokens is not known; repricing needs both"
        raise refuse_row("labels", table, int(np.argmax(unknown)), f"{reason} ({unknown.sum()} such rows)")
    parts = {column: np.nan_to_num(numbers(table, column)) for column in _PARTS}
    models = distinct(table, "model")
    model = codes(table, "model", models)
    cost_usd = np.empty(table.num_rows)
    for number, name in enumerate(models):
        rows = model == number
        own = {column: counts[rows] for column, counts in parts.items()}
        cost_usd[rows] = prices.usd(name, *(counts[rows] for counts in tokens), **own)
    table = _with_column(table, "cost_usd", pa.array(cost_usd))
    table = _with_column(table, "price_date", pa.array([prices.date] * table.num_rows, pa.string()))
    return LabelSet(labels.prompts, table, labels.preferences)


def _with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)
