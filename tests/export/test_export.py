"""RUN to bundle, end to end."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from anabranch.export.bundle import BundleError, read_bundle
from anabranch.export.export import export_run
from anabranch.export.parity import PROBES, ParityError
from anabranch.export.session import OnnxEstimate, onnx_estimate, open_bundle
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import Batch, ClosedForm

ROUTERS = ("knn", "ridge", "mlp", "conditioned")


class BranchesOnData(ClosedForm):
    """An estimator that no graph can express: it asks Python about the batch."""

    def __init__(self, width: int, arms: int) -> None:
        super().__init__(width, arms)
        self.register_buffer("seen", torch.zeros(1))

    def observe(self, batch: Batch) -> None:
        """Learn nothing."""

    def finalise(self) -> None:
        """Learn nothing."""

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """Say 0.25 of texts with a positive first feature, else 0.75."""
        level = 0.25 if embedding[0, 0] > 0 else 0.75
        flat = embedding[:, : self.arms] * 0
        return Estimates(flat + level, flat, flat)


@pytest.fixture
def exported(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("exported", ROUTERS, indirect=True)
def test_bundle_estimates_and_decides_as_the_run(exported: Any) -> None:
    """The same texts through torch and through the bundle, on texts that the parity check did not see."""
    texts = [*exported.world.texts, *PROBES[1:], "unseen"]
    trained, served = exported.world.router.router("torch"), open_bundle(exported.bundle)
    for tradeoff in (0.0, 0.5, 1.0):
        expected, expected_usd = trained.estimates(texts, tradeoff)
        found, found_usd = served.estimates(texts, tradeoff)
        np.testing.assert_allclose(found.quality, expected.quality, rtol=0, atol=1e-4)
        np.testing.assert_allclose(found.spread, expected.spread, rtol=0, atol=1e-4)
        np.testing.assert_allclose(found_usd, expected_usd, rtol=1e-4)


@pytest.mark.parametrize("exported", ["knn", "ridge", "conditioned"], indirect=True)
def test_bundle_carries_policy_costs_and_trade_off(exported: Any) -> None:
    texts = exported.world.texts
    trained, served = exported.world.router.router("torch"), open_bundle(exported.bundle)
    assert served.name == "bundle"
    assert (served.arms, served.policy, served.tradeoff) == (trained.arms, trained.policy, trained.tradeoff)
    assert (served.costing, served.quality_kind) == (trained.costing, trained.quality_kind)
    assert served.decide(texts).arm.tolist() == trained.decide(texts).arm.tolist()


def test_bundle_of_unknown_usage_says_nan_and_serves_the_best_arm(mlp: Any) -> None:
    served = open_bundle(mlp.bundle)
    estimates, cost_usd = served.estimates(["one"], 1.0)
    assert np.isnan(estimates.usage).all() and np.isnan(cost_usd).all()
    assert served.decide(["one"], tradeoff=1.0).arm.tolist() == [int(estimates.quality[0].argmax())]


def test_embeddings_of_the_bundle_are_the_encoders(knn: Any) -> None:
    """Of "one", in the hashing encoder, a unit vector; of nothing, zeros."""
    estimate = open_bundle(knn.bundle).estimate
    assert isinstance(estimate, OnnxEstimate)
    embedding = estimate.embed(["one", ""])
    assert embedding.shape == (2, 32)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), [1.0, 0.0], atol=1e-6)


def test_manifest_says_where_the_router_comes_from(knn: Any) -> None:
    manifest = read_bundle(knn.bundle).manifest
    assert manifest.router == knn.world.router.settings
    assert manifest.provenance == knn.world.router.provenance
    assert manifest.metrics == {"training": {"validation_aiq": 0.625}}
    assert manifest.contains_user_prompts and "24 training prompts" in manifest.user_prompts


def test_exporting_again_replaces_the_bundle_with_an_equal_one(knn: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(knn.bundle, bundle)
    (bundle / "router.onnx").write_bytes(b"damaged")
    export_run(knn.world.run, bundle, labels=knn.world.labels)
    assert read_bundle(bundle).id == read_bundle(knn.bundle).id
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.fixture(scope="module")
def int8(worlds: Callable[..., Any], bert: Path) -> Any:
    """kNN on a transformer with int8 weights."""
    world = worlds("knn", encoder=str(bert))
    out = world.run.parent / "int8"
    return world, read_bundle(export_run(world.run, out, encoder="int8", labels=world.labels, max_loss=1.0))


def _in_order(rows: Any) -> Any:
    return rows[rows[:, 0].argsort()]


def test_int8_fits_the_index_on_what_it_will_be_asked(int8: Any) -> None:
    """The rows of the index are the int8 embeddings of the training prompts, scaled to length 1, in whatever order."""
    world, bundle = int8
    assert bundle.manifest.precision == "int8"
    embedding = onnx_estimate(bundle).embed(world.texts[:24])
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    graph = onnx.load(bundle.graph).graph
    weights = [onnx.numpy_helper.to_array(weight) for weight in graph.initializer if set(weight.dims) == {24, 32}]
    indices = [weight if weight.shape == unit.shape else weight.T for weight in weights]
    assert any(np.allclose(_in_order(index), _in_order(unit), atol=1e-6) for index in indices)


def test_int8_says_how_far_it_moved(int8: Any) -> None:
    moved = int8[1].manifest.metrics["int8"]
    assert moved["estimates"]["prompts"] == moved["decisions"]["prompts"] == 8
    assert 0 < moved["estimates"]["mean_quality_change"] <= moved["estimates"]["max_quality_change"]
    assert 0 <= moved["decisions"]["equal_decisions"] <= 1
    assert set(moved["labels_sha256"]) == {"prompts", "labels"}


def test_int8_answers_alike_alone_and_in_a_batch(int8: Any) -> None:
    world, bundle = int8
    estimate = onnx_estimate(bundle)
    together = estimate(world.texts, None).quality
    alone = np.concatenate([estimate([text], None).quality for text in world.texts])
    assert (together == alone).all()


def test_int8_of_a_gradient_trained_router_needs_no_labels(mlp: Any, tmp_path: Path) -> None:
    """Its drift is then measured on the built-in probes; hashing has no weights to round, so it is nil."""
    bundle = read_bundle(export_run(mlp.world.run, tmp_path / "int8", encoder="int8"))
    moved = bundle.manifest.metrics["int8"]
    assert list(moved) == ["estimates"] and moved["estimates"]["prompts"] == len(PROBES)
    assert moved["estimates"]["max_quality_change"] < 1e-6


def test_int8_of_a_closed_form_needs_labels(knn: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'knn' was fitted on fp32 embeddings .* give --labels"):
        export_run(knn.world.run, tmp_path / "bundle", encoder="int8")


def test_labels_of_other_prompts_are_refused(knn: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(knn.world.run, run)
    (run / "splits.json").write_text(json.dumps({"train": ["p0", "gone"], "validation": ["p1"]}))
    with pytest.raises(ValueError, match=r"1 of 2 train prompts .* \(first: 'gone'\)"):
        export_run(run, tmp_path / "bundle", encoder="int8", labels=knn.world.labels)


def test_no_index_refuses_an_index_of_prompts(knn: Any, ridge: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'knn' keeps an index .* --no-index forbids"):
        export_run(knn.world.run, tmp_path / "knn", no_index=True)
    assert not read_bundle(ridge.bundle).manifest.contains_user_prompts


def test_a_graph_that_says_something_else_is_not_written(worlds: Callable[..., Any], tmp_path: Path) -> None:
    """The legacy exporter follows one branch only; the first probe that goes the other way tells."""
    world = worlds(f"{__name__}:BranchesOnData")
    with (
        pytest.warns(Warning, match="Python boolean might cause the trace to be incorrect"),
        pytest.raises(
            ParityError, match=r"quality of text \d+, arm 0, is 0\.25 in torch alone and 0\.75 in ONNX alone"
        ),
    ):
        export_run(world.run, tmp_path / "out" / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_things_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(BundleError, match="no bundle to replace"):
        export_run(tmp_path / "no such run", tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "mine"
