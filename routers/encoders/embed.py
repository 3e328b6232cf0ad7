"""Many texts to embeddings, in batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from anabranch.routers.encoders.encoder import Encoder


class NotFinite(ValueError):
    """An embedding holds NaN or infinity.

    Args:
        row: which text; the text itself is not shown.
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"the embedding of text {row} is not finite; look at that text or at the encoder")
        self.row = row


def embed(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    batch_tokens: int = 8192,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Embeddings float32 [N, D] of N texts, in their order, in evaluation mode.

    Args:
        encoder: runs on the device its weights are on.
        texts: N texts.
        batch_tokens: a batch holds at most this many ids, padding included, and at least one text.
        progress: called with how many texts a batch has finished; the numbers add up to N.

    Raises:
        NotFinite: an embedding holds NaN or infinity; the row is named, the text is not shown.

    >>> from anabranch.routers.encoders.hashing import HashingEncoder
    >>> embed(HashingEncoder(width=4), ["one", "three", ""]).shape
    (3, 4)
    """
    rows = encoder.tokens.truncated_ids(texts)
    device = next(chain(encoder.parameters(), encoder.buffers()), torch.empty(0)).device
    out = np.zeros((len(rows), encoder.width), np.float32)
    training = encoder.training
    encoder.eval()
    try:
        for picked in _batches([len(row) for row in rows], batch_tokens):
            ids, mask = map(torch.from_numpy, encoder.tokens.pad([rows[i] for i in picked]))
            with torch.inference_mode():
                out[picked] = encoder(ids.to(device), mask.to(device)).float().cpu().numpy()
            _refuse_not_finite(out, picked)
            if progress is not None:
                progress(len(picked))
    finally:
        encoder.train(training)
    return out


def _batches(lengths: list[int], budget: int) -> Iterator[list[int]]:
    """Row numbers, longest first, so that too little memory shows in the first batch."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        size = max(1, budget // max(lengths[order[start]], 1))
        yield order[start : start + size]
        start += size


def _refuse_not_finite(out: NDArray[np.float32], picked: list[int]) -> None:
    finite = np.isfinite(out[picked]).all(axis=1)
    if not finite.all():
        raise NotFinite(picked[int(np.argmin(finite))])
