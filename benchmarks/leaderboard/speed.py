"""How large a router's head is, and how long a decision takes once the prompt is embedded."""

import statistics
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import onnxruntime

from anabranch.data.outcomes import Floats
from anabranch.export.graph import LINK, export_head
from anabranch.export.parity import TOLERANCE, ParityError
from anabranch.export.signature import TRADEOFF
from anabranch.routers.estimates import Estimates
from anabranch.routers.run import Run, estimate_batches

ROUNDS, CALLS = 20, 20


def head_facts(run: Run, embedding: Floats) -> dict[str, float | str]:
    """Bytes of the exported head, and microseconds of it and of a whole decision, batch 1, one thread.

    A round is the median of some calls; the best of the rounds counts, as other work on the machine only adds to it.

    Args:
        run: a trained router.
        embedding: [n, D], prompts to decide on.

    Raises:
        ParityError: the head says something else than the router.
        ValueError: it has no ONNX form.
    """
    usage_known = run.settings.costing.usage_kind != "unknown"
    graph = export_head(run.estimator, usage_known=usage_known).SerializeToString()
    session = onnxruntime.InferenceSession(graph, _one_thread(), providers=["CPUExecutionProvider"])
    rows = [np.ascontiguousarray(row[None], np.float32) for row in embedding]
    knob = np.array([run.settings.policy.tradeoff], np.float32)

    def head(row: Floats) -> Estimates[Floats]:
        feeds = {LINK: row, TRADEOFF: knob} if run.settings.reads_tradeoff else {LINK: row}
        return Estimates(*session.run(None, feeds))

    _check(run, head, rows)
    turn = cycle(rows)

    def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        return head(next(turn))

    router = run.settings.router("head", estimate)
    return {
        "head_bytes": float(len(graph)),
        "head_us": _best_median_us(lambda: head(next(turn))),
        "decision_us": _best_median_us(lambda: router.decide(("",))),
    }


def _best_median_us(call: Callable[[], Any]) -> float:
    medians = []
    for _ in range(ROUNDS):
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        medians.append(1e6 * statistics.median(seconds))
    return min(medians)


def _check(run: Run, head: Callable[[Floats], Estimates[Floats]], rows: Sequence[Floats]) -> None:
    knob = np.full(len(rows), run.settings.policy.tradeoff, np.float32) if run.settings.reads_tradeoff else None
    expected = estimate_batches(run.estimator, np.concatenate(rows), knob).quality
    found = np.concatenate([head(row).quality for row in rows])
    off = float(np.abs(found - expected).max())
    if not off <= TOLERANCE:
        raise ParityError(f"quality of the exported head is off by {off:.2g}; it may be by {TOLERANCE}")


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options
