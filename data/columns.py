"""Columns of Arrow tables as plain arrays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    """A numeric column as float64 [rows]; null, or a column that is not there, is NaN.

    >>> numbers(pa.table({"cost_usd": [1, None]}), "cost_usd").tolist()
    [1.0, nan]
    """
    if column not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.array(table[column].cast(pa.float64()).to_numpy(), np.float64)


def strings(table: pa.Table, column: str, *, default: str | None = None) -> list[str]:
    """A text column as a list; `default` stands for null and for a column that is not there.

    >>> strings(pa.table({"task": ["maths", None]}), "task", default="all")
    ['maths', 'all']
    """
    if column not in table.column_names:
        return [default or ""] * table.num_rows
    values = table[column].cast(pa.large_string())
    kept: list[str] = (values if default is None else pc.fill_null(values, default)).to_pylist()
    return kept


def codes(table: pa.Table, column: str, names: Sequence[str]) -> NDArray[np.int64]:
    """A text column as positions in `names`, int64 [rows]; -1 is null or a text not among them.

    >>> codes(pa.table({"model": ["b", "a", "x"]}), "model", ["a", "b"]).tolist()
    [1, 0, -1]
    """
    known = pa.array(names, pa.large_string())
    found = pc.index_in(table[column].cast(pa.large_string()), value_set=known)
    return np.array(pc.fill_null(found, -1).to_numpy(), np.int64)


def distinct(table: pa.Table, column: str) -> list[str]:
    """The texts that occur in a column, sorted.

    >>> distinct(pa.table({"model": ["b", "a", "b"]}), "model")
    ['a', 'b']
    """
    return sorted(pc.unique(table[column].cast(pa.large_string())).drop_null().to_pylist())
