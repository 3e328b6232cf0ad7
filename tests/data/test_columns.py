import numpy as np
import pyarrow as pa

from anabranch.data.columns import codes, distinct, numbers, strings

CHUNKED = pa.chunked_array([["b", None], ["a", "b"]])
TABLE = pa.table({"model": CHUNKED, "tokens": pa.chunked_array([pa.array([1, None]), pa.array([3, 4])])})


def test_numbers_hold_nan_for_null() -> None:
    np.testing.assert_array_equal(numbers(TABLE, "tokens"), [1.0, np.nan, 3.0, 4.0])


def test_a_missing_column_is_unknown() -> None:
    assert np.isnan(numbers(TABLE, "cost_usd")).all()
    assert strings(TABLE, "task", default="all") == ["all"] * 4


def test_columns_of_an_empty_table_are_empty() -> None:
    empty = TABLE.slice(0, 0)
    assert len(numbers(empty, "tokens")) == 0
    assert codes(empty, "model", ["a"]).tolist() == []
    assert distinct(empty, "model") == []


def test_every_text_type_reads_alike() -> None:
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table({"model": CHUNKED.cast(kind)})
        assert codes(table, "model", ["a", "b"]).tolist() == [1, -1, 0, 1]
        assert distinct(table, "model") == ["a", "b"]
        assert strings(table, "model", default="?") == ["b", "?", "a", "b"]
