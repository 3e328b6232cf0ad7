"""Encoder and estimator to one ONNX graph of the router signature."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import Tensor, nn

from anabranch.export.signature import (
    ATTENTION_MASK,
    EMBEDDING,
    INPUT_IDS,
    IR_VERSION,
    OPSET,
    QUALITY,
    SPREAD,
    TRADEOFF,
)
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.estimators.estimator import Estimator

LIMIT_BYTES = 2**31 - 2**20
"""What one ONNX file can hold, less room for the graph itself."""

LINK = "encoder_output"
"""What the encoder's graph gives and the head's graph takes; float32 [B, D]."""

_HEAD_OUTPUTS = ("head_quality", "head_usage", "head_spread")
_BATCH, _SEQUENCE = "batch", "sequence"
_NOISE = (
    # said of every export with a dimension that two inputs share
    ("# The axis name: .* will not be used", UserWarning),
    ("`isinstance\\(treespec, LeafSpec\\)` is deprecated", FutureWarning),
    # of the legacy exporter, which is only asked when the other one failed
    ("You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    ("The feature will be removed", DeprecationWarning),
)


class _Head(nn.Module):
    """An estimator as a tuple of tensors; usage is NaN where its kind is unknown."""

    def __init__(self, estimator: Estimator, usage_known: bool) -> None:
        super().__init__()
        self.estimator = estimator
        self.usage_known = usage_known

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Quality, usage and spread, each (B, A)."""
        quality, usage, spread = self.estimator(embedding, tradeoff)
        return quality, usage if self.usage_known else torch.full_like(quality, torch.nan), spread


def check_size(encoder: Encoder, estimator: nn.Module, *, limit_bytes: int = LIMIT_BYTES) -> None:
    """Refuse weights that one ONNX file cannot hold, before any work.

    Raises:
        ValueError: encoder and estimator together exceed `limit_bytes`.
    """
    encoder_bytes, estimator_bytes = weight_bytes(encoder), weight_bytes(estimator)
    if encoder_bytes + estimator_bytes > limit_bytes:
        raise ValueError(
            f"the weights are {(encoder_bytes + estimator_bytes) / 1e6:,.1f} MB (encoder {encoder_bytes / 1e6:,.1f}, "
            f"estimator {estimator_bytes / 1e6:,.1f}); an ONNX file holds at most {limit_bytes / 1e6:,.1f} MB: "
            "train on fewer prompts if the estimator keeps an index of them, or choose a smaller encoder"
        )


def weight_bytes(module: nn.Module) -> int:
    """The size of a module's parameters and buffers.

    >>> weight_bytes(nn.Linear(3, 2))
    32
    """
    return sum(tensor.nbytes for tensor in chain(module.parameters(), module.buffers()))


def export_encoder(encoder: Encoder) -> onnx.ModelProto:
    """An encoder's graph: input_ids and attention_mask int64 [B, S] to `LINK`.

    Args:
        encoder: in evaluation mode.

    Raises:
        ValueError: it does something that has no ONNX form.
    """
    ids = torch.zeros((2, 7), dtype=torch.int64)
    inputs = {INPUT_IDS: ids, ATTENTION_MASK: torch.ones_like(ids)}
    return export_module(encoder, inputs, [LINK], {key: {0: _BATCH, 1: _SEQUENCE} for key in inputs})


def export_head(estimator: Estimator, *, usage_known: bool = True) -> onnx.ModelProto:
    """An estimator's graph: `LINK` and, if it is read, the trade-off to quality, usage and spread.

    Args:
        estimator: in evaluation mode.
        usage_known: whether its usage means anything; else the graph says NaN.

    Raises:
        ValueError: it does something that has no ONNX form.
    """
    inputs = {LINK: torch.linspace(-1, 1, 2 * estimator.width).reshape(2, -1)}
    if estimator.reads_tradeoff:
        inputs[TRADEOFF] = torch.tensor([0.25, 0.75])
    head = _Head(estimator, usage_known).eval()
    return export_module(head, inputs, _HEAD_OUTPUTS, {key: {0: _BATCH} for key in inputs})


def router_graph(encoder: onnx.ModelProto, head: onnx.ModelProto, usage: str) -> onnx.ModelProto:
    """Both graphs as one of the router signature.

    Args:
        encoder: what `export_encoder` gave, or a quantised form of it.
        head: what `export_head` gave.
        usage: the name of the usage output.
    """
    first = compose.add_prefix(encoder, "encoder/", rename_inputs=False)
    second = compose.add_prefix(head, "head/", rename_inputs=False)
    merged = compose.merge_models(first, second, io_map=[(f"encoder/{LINK}", LINK)], name="router")
    arms, width = _last_dim(head.graph.output[0]), _last_dim(encoder.graph.output[0])
    inner = [f"head/{name}" for name in _HEAD_OUTPUTS] + [f"encoder/{LINK}"]
    del merged.graph.output[:]
    for source, name in zip(inner, (QUALITY, usage, SPREAD, EMBEDDING), strict=True):
        shape = (_BATCH, width if name == EMBEDDING else arms)
        merged.graph.node.append(helper.make_node("Identity", [source], [name]))
        merged.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return merged


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without notes: names of source files, and shapes inside.

    Which shapes are noted decides what onnxruntime fuses, and so how int8 rounds: a bare encoder gives the same bits
    alone and as a part of the router's graph.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = IR_VERSION
    graph = copy.graph
    del graph.value_info[:]
    for noted in (copy, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del noted.metadata_props[:]
        noted.doc_string = ""
    return copy


def export_module(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> onnx.ModelProto:
    """A module's graph.

    Args:
        module: in evaluation mode.
        inputs: examples by name, in the order of its arguments.
        outputs: names.
        axes: of each input, those whose length is free, by number; equal names are equally long.

    Raises:
        ValueError: it does something that has no ONNX form.
    """
    dims = {name: torch.export.Dim(name) for named in axes.values() for name in named.values()}
    names: dict[str, Any] = {
        "input_names": list(inputs),
        "output_names": list(outputs),
        "opset_version": OPSET,
        "verbose": False,
    }
    arguments = tuple(inputs.values())
    with _quiet():
        try:
            shapes = tuple({number: dims[name] for number, name in axes[given].items()} for given in inputs)
            program = torch.onnx.export(
                module, arguments, dynamo=True, external_data=False, dynamic_shapes=shapes, **names
            )
        except torch.onnx.OnnxExporterError as error:
            return _export_traced(module, arguments, axes, names, error)
    if program is None:
        raise AssertionError("torch.onnx.export returned no program")
    return bare(program.model_proto)


def _export_traced(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    axes: Mapping[str, Mapping[int, str]],
    names: Mapping[str, Any],
    reason: Exception,
) -> onnx.ModelProto:
    """The legacy exporter, which traces one run; what it gets wrong the parity check finds."""
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "traced.onnx"
            torch.onnx.export(module, arguments, path, dynamo=False, dynamic_axes=axes, **names)
            return bare(onnx.load(path))
    except (RuntimeError, ValueError, TypeError) as error:
        inner = module.estimator if isinstance(module, _Head) else module
        raise ValueError(
            f"{type(inner).__name__} has no ONNX form ({str(error).splitlines()[0]}): "
            "write its forward with tensor operations only"
        ) from reason


def _last_dim(output: onnx.ValueInfoProto) -> int:
    return int(output.type.tensor_type.shape.dim[-1].dim_value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the exporters say of every export; other warnings pass."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message, category in _NOISE:
                warnings.filterwarnings("ignore", message, category)
            yield
    finally:
        log.setLevel(level)
