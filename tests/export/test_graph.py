"""The graph's signature, its size guard, and the fallback exporter."""

import re
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from anabranch.export.graph import LIMIT_BYTES, LINK, check_size, export_head, weight_bytes
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.ridge import Ridge


class AsksNumPy(ClosedForm):
    """An estimator with a step that the exporter proper cannot follow, and the tracing one can."""

    def observe(self, batch: Batch) -> None:
        """Learn nothing."""

    def finalise(self) -> None:
        """Learn nothing."""

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """The first features, if any are finite."""
        if float(embedding.abs().sum()) < 0:
            raise AssertionError("a sum of absolute values is negative")
        first = embedding[:, : self.arms]
        return Estimates(first, first + 1, first * 0)


class LeavesTorch(AsksNumPy):
    """An estimator that no exporter can follow."""

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """Refuse."""
        raise TypeError("cannot be traced")


def test_inputs_and_outputs_are_the_router_signature(knn: Any, ridge: Any, mlp: Any, conditioned: Any) -> None:
    """Every router has the same graph but for the name of its usage and for the trade-off, if it reads one."""
    ids = {
        "input_ids": ("tensor(int64)", ["batch", "sequence"]),
        "attention_mask": ("tensor(int64)", ["batch", "sequence"]),
    }
    knob = {"tradeoff": ("tensor(float)", ["batch"])}
    for exported, usage, inputs in (
        (knn, "cost_usd", ids),
        (ridge, "completion_tokens", ids),
        (mlp, "completion_tokens", ids),
        (conditioned, "cost_usd", ids | knob),
    ):
        session = onnxruntime.InferenceSession(exported.bundle / "router.onnx")
        assert {given.name: (given.type, given.shape) for given in session.get_inputs()} == inputs
        assert [given.name for given in session.get_outputs()] == ["quality", usage, "spread", "embedding"]
        assert {given.type for given in session.get_outputs()} == {"tensor(float)"}


def test_the_file_stands_alone_and_names_no_source_file(knn: Any) -> None:
    contents = (knn.bundle / "router.onnx").read_bytes()
    assert not re.search(rb"\.py\b|site-packages|/home/|/root/", contents)
    model = onnx.load_from_string(contents)
    onnx.checker.check_model(model, full_check=True)
    assert all(weight.data_location == onnx.TensorProto.DEFAULT for weight in model.graph.initializer)


def test_weights_are_counted_with_buffers() -> None:
    """An index of 5 rows and 3 columns, targets and known of 5 x 4 and a fallback of 4 floats: 59 floats."""
    knn = KNN(3, 2)
    knn.index, knn.targets, knn.known = torch.zeros(5, 3), torch.zeros(5, 4), torch.zeros(5, 4)
    assert weight_bytes(knn) == 4 * 59


def test_weights_beyond_one_onnx_file_are_refused_with_a_way_out() -> None:
    """The hashing encoder has 4096 x 32 floats, 524,288 bytes; a fresh kNN of one arm has 2 floats of fallback."""
    encoder, knn = load_encoder("hashing", width=32), KNN(32, 1)
    check_size(encoder, knn, limit_bytes=524_296)
    with pytest.raises(ValueError, match=r"0\.5 MB \(encoder 0\.5, estimator 0\.0\).* fewer prompts .* smaller"):
        check_size(encoder, knn, limit_bytes=524_295)
    assert LIMIT_BYTES < 2**31


def test_a_head_that_only_tracing_can_follow_is_traced() -> None:
    with pytest.warns(Warning, match="Python float might cause the trace to be incorrect"):
        model = export_head(AsksNumPy(4, 2).eval())
    session = onnxruntime.InferenceSession(model.SerializeToString())
    quality, usage, spread = session.run(None, {LINK: np.arange(12, dtype=np.float32).reshape(3, 4)})
    assert quality.tolist() == [[0, 1], [4, 5], [8, 9]]
    assert usage.tolist() == [[1, 2], [5, 6], [9, 10]]
    assert not spread.any()


def test_a_head_that_nothing_can_follow_is_named() -> None:
    with pytest.raises(ValueError, match=r"LeavesTorch has no ONNX form \(cannot be traced\): write its forward with"):
        export_head(LeavesTorch(4, 2).eval())


def test_unknown_usage_is_nan_whatever_the_estimator_says() -> None:
    ridge = Ridge(4, 2).eval()
    session = onnxruntime.InferenceSession(export_head(ridge, usage_known=False).SerializeToString())
    quality, usage, _ = session.run(None, {LINK: np.zeros((2, 4), np.float32)})
    assert np.isnan(usage).all() and usage.shape == (2, 2)
    assert not quality.any()
