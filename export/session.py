"""A bundle in onnxruntime: text to estimates and decisions, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from anabranch.export.bundle import Bundle, BundleError, read_bundle
from anabranch.export.signature import (
    ATTENTION_MASK,
    EMBEDDING,
    INPUT_IDS,
    QUALITY,
    SPREAD,
    TRADEOFF,
    USAGE,
)
from anabranch.routers.encoders.tokens import Ids, Tokens
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router

BATCH_TOKENS = 4096  # padding included; bounds the attention matrices
BATCH_ROWS = 256  # bounds the similarities of neighbour-based estimators


class TextGraph:
    """An ONNX graph over token ids, fed with texts.

    Threads may share one object.

    Args:
        graph: the path of an ONNX file, or its contents.
        tokens: text to ids.
        row_by_row: run one text at a time, as int8 graphs need: their rounding depends on the whole batch.
        threads: threads of one run.

    Raises:
        ValueError: threads is less than 1.
    """

    def __init__(self, graph: Path | bytes, tokens: Tokens, *, row_by_row: bool = False, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads is {threads}; it must be 1 or more")
        source = str(graph) if isinstance(graph, Path) else graph
        self.session = onnxruntime.InferenceSession(
            source, session_options(threads), providers=["CPUExecutionProvider"]
        )
        self.tokens = tokens
        self.row_by_row = row_by_row
        self._inputs = {given.name for given in self.session.get_inputs()}

    @property
    def outputs(self) -> dict[str, int]:
        """The width of each output [B, width]."""
        return {given.name: given.shape[1] for given in self.session.get_outputs()}

    def run(self, texts: Sequence[str], outputs: Sequence[str], tradeoff: Floats | None = None) -> list[Floats]:
        """The named outputs, float32 [N, ...] of N texts in their order.

        Args:
            texts: N texts.
            outputs: names of outputs.
            tradeoff: (N,) in [0, 1]; read only by graphs that take it.

        Raises:
            ValueError: the graph reads a trade-off and none is given.
        """
        rows = self.tokens.truncated_ids(texts)
        if TRADEOFF in self._inputs and tradeoff is None:
            raise ValueError("this router's estimates depend on the trade-off: give one a text")
        if len(rows) == 1:
            return self._run_batch(rows, outputs, tradeoff)
        if not rows:
            return [np.zeros((0, self.outputs[name]), np.float32) for name in outputs]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        parts = []
        for picked in length_batches(order, [len(row) for row in rows], self.row_by_row):
            knob = None if tradeoff is None else tradeoff[picked]
            parts.append(self._run_batch([rows[i] for i in picked], outputs, knob))
        back = np.argsort(order)
        return [np.concatenate(part)[back] for part in zip(*parts, strict=True)]

    def _run_batch(self, rows: Sequence[Ids], outputs: Sequence[str], tradeoff: Floats | None) -> list[Floats]:
        ids, mask = self.tokens.pad(rows)
        feed = {INPUT_IDS: ids, ATTENTION_MASK: mask}
        if TRADEOFF in self._inputs and tradeoff is not None:
            feed[TRADEOFF] = np.asarray(tradeoff, np.float32)
        arrays: list[Floats] = self.session.run(outputs, feed)
        return arrays


@dataclass(frozen=True, eq=False)
class OnnxEstimate:
    """Text to estimates through a router graph; an `Estimate`.

    Args:
        graph: the router graph.
        usage: the name of its usage output.
    """

    graph: TextGraph
    usage: str

    def __call__(self, texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        """Estimates [B, A] of B texts; tradeoff (B,) for estimators that read it."""
        return Estimates(*self.graph.run(texts, [QUALITY, self.usage, SPREAD], tradeoff))

    def embed(self, texts: Sequence[str]) -> Floats:
        """Embeddings float32 [B, D] of B texts; they depend on no trade-off."""
        return self.graph.run(texts, [EMBEDDING], np.zeros(len(texts), np.float32))[0]


def open_bundle(folder: Path, *, threads: int = 1) -> Router:
    """The router in a bundle, ready to decide.

    Args:
        folder: the bundle.
        threads: threads of one decision; serve concurrent requests from several threads instead.

    Raises:
        BundleError: a file is missing or changed, or this onnxruntime is too old.
    """
    return router_in(read_bundle(folder), threads=threads)


def router_in(bundle: Bundle, *, threads: int = 1) -> Router:
    """The router in a bundle that was read; errors are those of `open_bundle`."""
    estimate, manifest = onnx_estimate(bundle, threads=threads), bundle.manifest
    return manifest.router.router(bundle.folder.resolve().name, estimate, manifest.provenance.id)


def onnx_estimate(bundle: Bundle, *, threads: int = 1) -> OnnxEstimate:
    """Text to estimates through a bundle's graph.

    Raises:
        BundleError: this onnxruntime is too old, or the graph is not one of these arms.
    """
    manifest = bundle.manifest
    if _version(onnxruntime.__version__) < _version(manifest.onnxruntime_min):
        raise BundleError(
            f"onnxruntime is {onnxruntime.__version__}; {bundle.folder} needs {manifest.onnxruntime_min} or newer: "
            f"pip install 'onnxruntime>={manifest.onnxruntime_min}'"
        )
    tokens = Tokens.from_json(bundle.tokenizer_json, manifest.tokens)
    graph = TextGraph(bundle.graph, tokens, row_by_row=manifest.precision == "int8", threads=threads)
    usage = USAGE[manifest.router.costing.usage_kind]
    arms, width = len(manifest.router.arms), manifest.router.width
    expected = {QUALITY: arms, usage: arms, SPREAD: arms, EMBEDDING: width}
    if graph.outputs != expected:
        raise BundleError(f"{bundle.graph} gives {graph.outputs}; its manifest wants {expected}: export it again")
    return OnnxEstimate(graph, usage)


def session_options(threads: int) -> Any:
    """Options of a session that shares the machine with others, each run in so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # a spinning thread takes a core from the rest of the server
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def length_batches(order: Sequence[int], lengths: Sequence[int], row_by_row: bool = False) -> list[list[int]]:
    """Rows, given by rising length, in batches of bounded size."""
    batches: list[list[int]] = []
    for row in order:
        size = len(batches[-1]) + 1 if batches else 1
        if row_by_row or not batches or size > BATCH_ROWS or size * lengths[row] > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(row)
    return batches


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
