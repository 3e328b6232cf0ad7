"""A real sentence encoder, through both precisions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anabranch.export.bundle import read_bundle
from anabranch.export.export import export_run
from anabranch.export.session import onnx_estimate
from anabranch.routers.encoders.embed import embed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(worlds: Callable[..., Any]) -> Any:
    return worlds("knn", encoder="minilm")


def test_fp32_agrees_with_torch(world: Any, tmp_path: Path) -> None:
    bundle = read_bundle(export_run(world.run, tmp_path / "fp32", labels=world.labels))
    texts = [*world.texts, "Wie viel ist 17 + 25?", "def f(x): return x" * 200]
    expected, _ = world.router.router("torch").estimates(texts, 0.5)
    found = onnx_estimate(bundle)(texts, None)
    np.testing.assert_allclose(found.quality, expected.quality, rtol=0, atol=1e-4)


def test_int8_is_a_quarter_of_the_size_and_close(world: Any, tmp_path: Path) -> None:
    """22.6 M weights of one byte, against four bytes each."""
    bundle = read_bundle(export_run(world.run, tmp_path / "int8", encoder="int8", labels=world.labels, max_loss=0.5))
    assert bundle.graph.stat().st_size < 26e6
    assert bundle.manifest.metrics["int8"]["estimates"]["mean_quality_change"] < 0.1
    texts = world.texts[:8]
    whole, small = embed(world.router.encoder, texts), onnx_estimate(bundle).embed(texts)
    assert ((whole * small).sum(axis=1) > 0.95).all()  # cosines: MiniLM's embeddings have length 1
