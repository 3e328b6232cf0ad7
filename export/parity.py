"""Whether the graph says what the estimator says."""

from collections.abc import Sequence

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Estimate

TOLERANCE = 1e-4
"""Absolute on quality and spread; on usage, relative to the arm's largest."""

PROBES: tuple[str, ...] = (
    "",
    "a",
    " \n\t ",
    "What is 17 + 25?",
    "What is 17 + 25?",
    "Übersetze ins Deutsche: 你好, мир! \U0001f44b\U0001f3fd e\u0301",
    "def f(x):\n    return x ** 2  # <|endoftext|> [CLS] [SEP]",
    "0" * 300,
    "Summarise the following report in two sentences. " + "The quick brown fox jumps over the lazy dog. " * 400,
)
"""Texts that are empty, short, equal, of other scripts, like special tokens, or far too long."""


class ParityError(ValueError):
    """The graph and the estimator disagree."""


def check_parity(
    reference: Estimate, graph: Estimate, texts: Sequence[str], *, usage: str | None, reads_tradeoff: bool = False
) -> None:
    """Compare the estimates of both on every text, alone and in a batch.

    Args:
        reference: the estimates to trust, from torch.
        graph: the estimates to check, from ONNX.
        texts: B texts.
        usage: the name of the usage output; None if usage is unknown, then it is not compared.
        reads_tradeoff: whether the estimates depend on the trade-off; then the texts' go from 0 to 1.

    Raises:
        ParityError: an output differs by more than `TOLERANCE`.
    """
    knob = np.linspace(0, 1, len(texts), dtype=np.float32) if reads_tradeoff else None
    expected = _alone(reference, texts, knob)
    # a usage near 0 is as uncertain as the arm's others: it is the remainder of larger numbers
    largest = np.nan_to_num(np.abs(expected.usage)).max(axis=0)  # (A,)
    for where, found in (
        ("ONNX alone", _alone(graph, texts, knob)),
        ("ONNX in a batch", graph(texts, knob)),
        ("torch in a batch", reference(texts, knob)),
    ):
        _compare("quality", expected.quality, found.quality, np.ones_like(largest), where)
        _compare("spread", expected.spread, found.spread, np.ones_like(largest), where)
        if usage is not None:
            _compare(usage, expected.usage, found.usage, largest, where)


def _alone(estimate: Estimate, texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Estimates of texts that never share a batch."""
    rows = [estimate([text], None if tradeoff is None else tradeoff[i : i + 1]) for i, text in enumerate(texts)]
    return Estimates(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def _compare(output: str, expected: Floats, found: Floats, scale: Floats, where: str) -> None:
    if expected.shape != found.shape:
        raise ParityError(f"{output} has shape {expected.shape} in torch and {found.shape} in {where}")
    both_unknown = np.isnan(expected) & np.isnan(found)
    agrees = both_unknown | (expected == found) | (np.abs(found - expected) <= TOLERANCE * scale)
    if not agrees.all():
        row, arm = (int(i) for i in np.argwhere(~agrees)[0])
        raise ParityError(
            f"{output} of text {row}, arm {arm}, is {expected[row, arm]:.6g} in torch alone and {found[row, arm]:.6g} "
            f"in {where}; they may differ by {TOLERANCE * scale[arm]:.2g}. Look for an operation that jumps (a tie "
            "among equals), that looks at the whole batch, or that ONNX does differently; nothing was written: "
            "choose another router or encoder"
        )
