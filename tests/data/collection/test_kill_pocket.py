"""SIGKILL at any instant of a collection from the pocket models, over HTTP: real answers, none lost, none doubled."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from anabranch.data.collection.entries import Key
from anabranch.data.collection.ledger import read_ledger
from anabranch.data.labelset import read_labels
from anabranch.data.pocket_prompts import pocket_prompts
from anabranch.demo.server import serving
from anabranch.demo.walk import write_pool_file
from anabranch.upstreams.pocket.pool import MAX_TOKENS, Pocket, pocket_pool
from anabranch.upstreams.upstream import Request
from tests.data.collection.test_kill import check_labels, killed_and_resumed

KILLS, SLOTS, PROMPTS, COMPARED = 50, 32, 1500, 60


@pytest.mark.slow
def test_fifty_kills_on_the_pocket_server(tmp_path: Path) -> None:
    prompts, out = pocket_prompts(train=PROMPTS, test=0), tmp_path / "labels"
    pq.write_table(prompts, tmp_path / "prompts.parquet")
    with serving(["pocket", "--quiet"], tmp_path / "log") as address:
        pool = write_pool_file(tmp_path / "pool.yaml", address, concurrency=SLOTS)
        met = killed_and_resumed(str(pool), tmp_path / "prompts.parquet", out, KILLS, SLOTS)
    assert met >= KILLS / 2
    wanted = {
        Key(prompt_id, model, 0) for prompt_id in prompts["prompt_id"].to_pylist() for model in pocket_pool().names
    }
    check_labels(out, wanted, lambda row: row["response"] != "")
    assert read_ledger(out / "ledger.sqlite").maybe_paid().requests <= KILLS * SLOTS

    texts = dict(zip(prompts["prompt_id"].to_pylist(), prompts["prompt"].to_pylist(), strict=True))
    rows = Random(0).sample(read_labels(out).labels.to_pylist(), COMPARED)
    assert asyncio.run(answers(rows, texts)) == [row["response"] for row in rows]


async def answers(rows: list[dict[str, Any]], texts: dict[str, str]) -> list[str]:
    """What the models say when nobody kills anybody."""
    pocket = Pocket()
    try:
        asked = [
            Request(row["model"], ({"role": "user", "content": texts[row["prompt_id"]]},), MAX_TOKENS, temperature=0.0)
            for row in rows
        ]
        return [reply.text for reply in await asyncio.gather(*map(pocket.complete, asked))]
    finally:
        await pocket.close()
