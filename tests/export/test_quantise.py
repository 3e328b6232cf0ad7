"""int8 weights of a transformer."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from anabranch.export.graph import LINK, export_encoder
from anabranch.export.quantise import quantise
from anabranch.export.session import TextGraph
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.registry import load_encoder


@pytest.fixture(scope="module")
def encoder(bert: Path) -> Encoder:
    return load_encoder(str(bert))


@pytest.fixture(scope="module")
def fp32(encoder: Encoder) -> onnx.ModelProto:
    return export_encoder(encoder)


@pytest.fixture(scope="module")
def int8(fp32: onnx.ModelProto) -> onnx.ModelProto:
    return quantise(fp32)


def test_matrices_and_embedding_tables_are_small(int8: onnx.ModelProto) -> None:
    """Four 32 x 32 matrices and one to and from 64; tables of 14 words, 64 positions, 2 types."""
    matrices = [weight for weight in int8.graph.initializer if len(weight.dims) == 2]
    small = {TensorProto.INT8, TensorProto.UINT8}
    kept = Counter(tuple(weight.dims) for weight in matrices if weight.data_type in small)
    assert kept == {(32, 32): 4, (32, 64): 1, (64, 32): 1 + 1, (14, 32): 1, (2, 32): 1}
    assert not [weight for weight in matrices if weight.data_type == TensorProto.FLOAT]


def test_every_output_channel_has_its_own_scale(int8: onnx.ModelProto) -> None:
    """Of the six matrices five have 32 outputs, one has 64."""
    scales = [tuple(w.dims) for w in int8.graph.initializer if w.name.endswith("_scale") and w.dims]
    assert scales.count((32,)) == 5 and scales.count((64,)) == 1


def test_the_graph_it_came_from_is_left_alone(fp32: onnx.ModelProto, int8: onnx.ModelProto) -> None:
    before = fp32.SerializeToString()
    quantise(fp32)
    assert fp32.SerializeToString() == before
    assert len(int8.SerializeToString()) < len(before)


def test_embeddings_stay_close(encoder: Encoder, fp32: onnx.ModelProto, int8: onnx.ModelProto) -> None:
    texts = ["one two three", "nine", "seven eight nine ten one"]
    full = TextGraph(fp32.SerializeToString(), encoder.tokens).run(texts, [LINK])[0]
    small = TextGraph(int8.SerializeToString(), encoder.tokens, row_by_row=True).run(texts, [LINK])[0]
    cosine = (full * small).sum(axis=1) / np.linalg.norm(full, axis=1) / np.linalg.norm(small, axis=1)
    assert (cosine > 0.98).all()
    assert not np.array_equal(full, small)


def test_no_cpu_saturates(int8: onnx.ModelProto) -> None:
    """Two products of an activation (0 to 255) and a weight fit into 16 signed bits: 2 * 255 * 64 < 2 ** 15."""
    weights = [onnx.numpy_helper.to_array(w) for w in int8.graph.initializer if w.data_type == TensorProto.INT8]
    matrices = [weight for weight in weights if weight.ndim == 2 and weight.shape[0] >= 32]
    assert len(matrices) == 6
    assert max(int(np.abs(matrix.astype(int)).max()) for matrix in matrices) <= 64
