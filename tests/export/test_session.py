"""A bundle in onnxruntime."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from anabranch.export.bundle import BundleError
from anabranch.export.manifest import contents_sha256
from anabranch.export.session import BATCH_ROWS, OnnxEstimate, open_bundle

HEAVY = ("torch", "transformers", "onnx", "pyarrow", "pandas", "lightning", "pytorch_lightning", "sklearn", "scipy")


def test_serving_imports_nothing_that_trains(knn: Any) -> None:
    """Open a bundle and decide in a fresh process, then look at what was loaded."""
    code = (
        "import sys; from pathlib import Path; from anabranch.export.session import open_bundle\n"
        f"print(open_bundle(Path({str(knn.bundle)!r})).decide(['one', 'two']).arm.tolist())\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = open_bundle(knn.bundle).decide(["one", "two"]).arm.tolist()
    assert ran.stdout.splitlines() == [str(expected), "[]"]


def test_estimates_keep_the_order_of_the_texts(knn: Any) -> None:
    """More texts than a batch holds, long and short mixed: each row is what the text gets alone."""
    estimate = open_bundle(knn.bundle).estimate
    texts = [f"{'one two three ' * (number % 7)}{number}" for number in range(BATCH_ROWS + 40)]
    together = estimate(texts, None)
    for row in (0, 1, 6, 100, len(texts) - 1):
        np.testing.assert_allclose(together.quality[row], estimate([texts[row]], None).quality[0], atol=1e-5)


def test_trade_offs_stay_with_their_texts(conditioned: Any) -> None:
    estimate = open_bundle(conditioned.bundle).estimate
    texts = ["one two three four five", "one", "one two three"]
    knob = np.array([0.0, 0.5, 1.0], np.float32)
    together = estimate(texts, knob)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together.quality[row], estimate([text], knob[row : row + 1]).quality[0], atol=1e-5)


def test_a_conditioned_router_wants_its_trade_off(conditioned: Any) -> None:
    with pytest.raises(ValueError, match="depend on the trade-off"):
        open_bundle(conditioned.bundle).estimate(["one"], None)


def test_no_texts_give_no_rows(knn: Any) -> None:
    estimate = open_bundle(knn.bundle).estimate
    assert isinstance(estimate, OnnxEstimate)
    assert estimate([], None).quality.shape == (0, 3)
    assert estimate.embed([]).shape == (0, 32)


def test_outputs_are_float32(knn: Any) -> None:
    assert {part.dtype for part in open_bundle(knn.bundle).estimate(["one"], None)} == {np.dtype(np.float32)}


def test_threads_are_counted_from_one(knn: Any) -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        open_bundle(knn.bundle, threads=0)
    one, two = (open_bundle(knn.bundle, threads=threads).estimate(["one two"], None) for threads in (1, 2))
    np.testing.assert_allclose(one.quality, two.quality, atol=1e-6)


@pytest.fixture
def resealed(knn: Any, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the bundle with a changed manifest whose own hash is right."""

    def reseal(change: Callable[[dict[str, Any]], None]) -> Path:
        shutil.copytree(knn.bundle, tmp_path / "bundle")
        path = tmp_path / "bundle" / "manifest.json"
        contents = orjson.loads(path.read_bytes())
        change(contents)
        contents["manifest_sha256"] = contents_sha256(contents)
        path.write_bytes(orjson.dumps(contents))
        return tmp_path / "bundle"

    return reseal


def test_an_old_onnxruntime_is_told_what_to_install(resealed: Callable[..., Path]) -> None:
    bundle = resealed(lambda contents: contents.update(onnxruntime_min="99.1"))
    with pytest.raises(BundleError, match=r"needs 99\.1 or newer: pip install 'onnxruntime>=99\.1'"):
        open_bundle(bundle)


def test_a_graph_of_other_arms_is_refused(resealed: Callable[..., Path]) -> None:
    bundle = resealed(lambda contents: contents["router"].update(arms=["a", "b"]))
    with pytest.raises(BundleError, match=r"its manifest wants \{'quality': 2"):
        open_bundle(bundle)


def test_a_flipped_byte_in_the_graph_is_never_run(knn: Any, tmp_path: Path) -> None:
    shutil.copytree(knn.bundle, tmp_path / "bundle")
    graph = tmp_path / "bundle" / "router.onnx"
    contents = bytearray(graph.read_bytes())
    contents[len(contents) // 2] ^= 1
    graph.write_bytes(contents)
    with pytest.raises(BundleError, match=r"router\.onnx was damaged or changed"):
        open_bundle(tmp_path / "bundle")
