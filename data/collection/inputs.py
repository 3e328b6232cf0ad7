"""What a ledger is tied to: under one prompt_id one text, for one model one way of asking."""

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa

from anabranch.data.collection.ledger import Ledger
from anabranch.data.collection.ledger_schema import LedgerError
from anabranch.data.collection.prompts import Prompt, PromptSet


def check_inputs(ledger: Ledger, prompts: Sequence[Prompt], settings: Mapping[str, str]) -> None:
    """Refuse what would mix answers to different questions; new prompts and new models are welcome.

    Args:
        ledger: of earlier runs.
        prompts: of this one.
        settings: model -> how it is asked.

    Raises:
        LedgerError: a prompt has another text than before, or a model is asked in another way.
    """
    texts = dict(ledger.execute("SELECT prompt_id, digest FROM prompts"))
    changed = [one.prompt_id for one in prompts if texts.get(one.prompt_id, one.digest) != one.digest]
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise LedgerError(
            f"prompt {changed[0]!r}{more} has another text than the one that {ledger.path} has answers to; "
            "give it a new prompt_id, or use another --out"
        )
    asked = dict(ledger.execute("SELECT model, settings FROM models"))
    for model, wanted in settings.items():
        if asked.get(model, wanted) != wanted:
            raise LedgerError(
                f"model {model!r} was asked with {asked[model]} and is now to be asked with {wanted}; "
                "use the same settings, or another --out"
            )


def record_inputs(ledger: Ledger, prompts: PromptSet, settings: Mapping[str, str]) -> None:
    """Tie a ledger to the prompts and settings of this run."""
    arrow = _bytes(prompts.table)
    with ledger.transaction():
        ledger.execute_many(
            "INSERT OR IGNORE INTO prompts VALUES (?, ?)", ((one.prompt_id, one.digest) for one in prompts.prompts)
        )
        ledger.execute_many("INSERT OR IGNORE INTO models VALUES (?, ?)", settings.items())
        ledger.execute_many(
            "INSERT INTO prompt_tables SELECT ?, coalesce(max(number), 0) + 1, ? FROM prompt_tables WHERE true "
            "ON CONFLICT DO UPDATE SET number = excluded.number",
            [(hashlib.sha256(arrow).hexdigest(), arrow)],
        )


def known_prompts(ledger: Ledger) -> pa.Table:
    """Every prompt of every run with all of its columns; of prompts given several times, the newest row."""
    tables = ledger.execute("SELECT arrow FROM prompt_tables ORDER BY number DESC")
    seen: set[str] = set()
    parts = []
    for (arrow,) in tables:
        table = pa.ipc.open_stream(arrow).read_all()
        fresh = [prompt_id not in seen for prompt_id in table["prompt_id"].to_pylist()]
        parts.append(table.filter(pa.array(fresh, pa.bool_())))
        seen.update(table["prompt_id"].to_pylist())
    return pa.concat_tables(parts, promote_options="permissive")


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())
