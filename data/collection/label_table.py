"""From the ledger to a label set."""

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from anabranch.data.collection.inputs import known_prompts
from anabranch.data.collection.ledger import Ledger
from anabranch.data.labelset import LabelSet, write_labels
from anabranch.data.token_signals import RECORDED

TEXT, WHOLE, NUMBER = pa.string(), pa.int64(), pa.float64()
COLUMNS: dict[str, pa.DataType] = {
    "prompt_id": TEXT,
    "model": TEXT,
    "sample": WHOLE,
    "quality": NUMBER,
    "cost_usd": NUMBER,
    "prompt_tokens": WHOLE,
    "completion_tokens": WHOLE,
    "cached_tokens": WHOLE,
    "cache_write_tokens": WHOLE,
    "reasoning_tokens": WHOLE,
    "response": TEXT,
    "finish_reason": TEXT,
    "latency_s": NUMBER,
    "judge": TEXT,
    "judge_version": TEXT,
    "resolved_model": TEXT,
    "price_date": TEXT,
    "logprob_stats": TEXT,
}
# answers recorded before quantiles were kept have null there
STATS = pa.struct({name: WHOLE if name == "tokens" else NUMBER for name in RECORDED})


def write_label_set(ledger: Ledger, out: Path) -> LabelSet:
    """Write what the ledger knows as a label set into its folder; votes that lie there stay.

    Raises:
        LabelError: a row breaks a rule of label sets.
        OSError: the folder cannot be written.
    """
    preferences = out / "preferences.parquet"
    votes = pq.read_table(preferences) if preferences.exists() else None
    labels = LabelSet(known_prompts(ledger), label_table(ledger), votes)
    write_labels(labels, out)
    return labels


def label_table(ledger: Ledger) -> pa.Table:
    """One row an answer, by model, sample, and the order in which the answers were asked for."""
    rows = ledger.execute(
        f"SELECT {', '.join(COLUMNS)} FROM answers WHERE state = 'done' ORDER BY model, sample, rowid"
    )
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    table = pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, COLUMNS.values(), strict=True)], list(COLUMNS)
    )
    stats = [None if text is None else orjson.loads(text) for text in columns[-1]]
    last = table.num_columns - 1
    if not any(stats):
        return table.remove_column(last)
    return table.set_column(last, "logprob_stats", pa.array(stats, STATS))
