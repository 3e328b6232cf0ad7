"""Every row of ROUTERS says the same in ONNX as in torch."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from anabranch.export.graph import LINK, export_head
from anabranch.export.signature import TRADEOFF
from anabranch.routers.estimates import Estimates
from anabranch.routers.recipe import recipe_of
from anabranch.routers.run import estimate_batches
from tests.contract.rows import ROWS, WIDTH, WORLDS, forward, knob, learn_quickly, small_world, with_costs

TOLERANCE = 1e-4
SIZES = {"train": 300, "validation": 20, "test": 21}


@pytest.mark.parametrize("row", ROWS)
def test_onnx_agrees_with_torch(row: str, tmp_path: Path) -> None:
    """At batch 1 and 7, usage relative to each arm's largest; costs are exp of the embedding, so usage has a shape."""
    world = WORLDS[row](seed=0, width=WIDTH, sizes=SIZES)
    learnt = learn_quickly(row, with_costs(world, np.exp(world.embedding[:, : len(world.table.arms)])), tmp_path)
    session = onnxruntime.InferenceSession(export_head(learnt.estimator).SerializeToString())
    embedding = learnt.embedding(world.rows("test"))
    expected = Estimates(*(part.numpy() for part in forward(learnt.estimator, torch.from_numpy(embedding))))
    scale = expected.usage.max(axis=0)
    for batch in (1, 7):
        for start in range(0, len(embedding), batch):
            rows = slice(start, start + batch)
            tradeoff = knob(learnt.estimator, batch)
            inputs = {LINK: embedding[rows]} | ({} if tradeoff is None else {TRADEOFF: tradeoff})
            quality, usage, spread = session.run(None, inputs)
            np.testing.assert_allclose(quality, expected.quality[rows], rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(usage / scale, expected.usage[rows] / scale, rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(spread, expected.spread[rows], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("row", [row for row in ROWS if recipe_of(row).estimator.reads_tradeoff])
def test_the_graph_reads_the_trade_off(row: str, tmp_path: Path) -> None:
    """Both ends, where the scale of the trade-off is clipped, and between them, in one batch."""
    learnt = learn_quickly(row, small_world(row), tmp_path)
    session = onnxruntime.InferenceSession(export_head(learnt.estimator).SerializeToString())
    embedding = learnt.embedding(learnt.world.rows("test")[:5])
    tradeoff = np.array([0.0, 1e-4, 0.3, 0.9999, 1.0], np.float32)
    expected = estimate_batches(learnt.estimator, embedding, tradeoff).quality
    np.testing.assert_allclose(session.run(None, {LINK: embedding, TRADEOFF: tradeoff})[0], expected, atol=TOLERANCE)
