"""Rows that decode together, each as if it were alone."""

from collections.abc import Collection, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from anabranch.upstreams.local.cache import RowCache
from anabranch.upstreams.local.forward import Forward


class Prefill(Protocol):
    """Prompts on their way into a batch, some columns at a time.

    Args:
        ids: int64 (rows, columns), the prompts aligned at the right end.
        done: columns that have been through the model.
    """

    ids: Tensor
    done: int

    def advance(self, columns: int, every: bool) -> Tensor:
        """Logits of the next columns: (rows, columns, vocabulary), or of the last alone, (rows, vocabulary)."""


class Batch(Protocol):
    """The rows that a model is decoding."""

    capacity: int

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefill:
        """Prompts that are to join; at least one, none of them empty."""

    def join(self, prefill: Prefill, without: Collection[int]) -> None:
        """Add the rows of a finished prefill below the others, but for some that are over already."""

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append one token to each row; the logits of what follows, float32 (rows, vocabulary)."""

    def drop(self, rows: Collection[int]) -> None:
        """Take rows out, as `swap_out` does."""

    def clear(self) -> None:
        """Take all rows out."""


class PaddedPrefill:
    """Prompts padded on the left to the length of the longest."""

    def __init__(self, forward: Forward, layers: int, prompts: Sequence[Sequence[int]]) -> None:
        rows = [torch.tensor(prompt, device=forward.device) for prompt in prompts]
        self.ids = pad_sequence(rows, batch_first=True, padding_side="left")
        self.done = 0
        self.cache = RowCache(layers, [len(prompt) for prompt in prompts], forward.device)
        self._forward = forward

    def advance(self, columns: int, every: bool) -> Tensor:
        """Logits of the next columns."""
        ids = self.ids[:, self.done : self.done + columns]
        logits = _extend(self._forward, self.cache, ids, every)
        self.done += ids.shape[1]
        return logits


class PaddedBatch:
    """Rows that share one cache, aligned at the right end; any number of them may come and go between two steps."""

    def __init__(self, forward: Forward, capacity: int) -> None:
        self.capacity = capacity
        self._forward = forward
        self._layers = len(DynamicCache(config=forward.model.config).layers)
        self._cache: RowCache | None = None

    def prefill(self, prompts: Sequence[Sequence[int]]) -> PaddedPrefill:
        """Prompts that are to join."""
        return PaddedPrefill(self._forward, self._layers, prompts)

    def join(self, prefill: Prefill, without: Collection[int]) -> None:
        """Add the rows of a finished prefill."""
        assert isinstance(prefill, PaddedPrefill)
        if len(without) == prefill.cache.rows:
            return
        prefill.cache.drop(without)
        if self._cache is None:
            self._cache = prefill.cache
        else:
            self._cache.append(prefill.cache)

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append one token to each row."""
        assert self._cache is not None
        self._cache.reserve(1)
        return _extend(self._forward, self._cache, torch.tensor(tokens, device=self._forward.device)[:, None])

    def drop(self, rows: Collection[int]) -> None:
        """Take rows out; with the last one goes the memory."""
        assert self._cache is not None
        if len(rows) == self._cache.rows:
            self._cache = None
        else:
            self._cache.drop(rows)

    def clear(self) -> None:
        """Take all rows out."""
        self._cache = None


class LonePrefill:
    """One prompt, in one go, since not every kind of cache can be extended by more than a token."""

    def __init__(self, forward: Forward, prompt: Sequence[int]) -> None:
        self.ids = torch.tensor(prompt, device=forward.device)[None]
        self.done = 0
        self.cache: Cache | None = None
        self._forward = forward

    def advance(self, columns: int, every: bool) -> Tensor:
        """Logits of the whole prompt, however few columns are asked for."""
        logits, self.cache = self._forward(self.ids, None, every=every)
        self.done = self.ids.shape[1]
        return logits


class LoneBatch:
    """One row at a time in the model's own cache: sliding windows, recurrent states, positions not its own to set."""

    capacity = 1

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._cache: Cache | None = None

    def prefill(self, prompts: Sequence[Sequence[int]]) -> LonePrefill:
        """The prompt that is to join."""
        (prompt,) = prompts
        return LonePrefill(self._forward, prompt)

    def join(self, prefill: Prefill, without: Collection[int]) -> None:
        """Make the prompt's cache the batch's, unless it is over already."""
        assert isinstance(prefill, LonePrefill)
        self._cache = None if without else prefill.cache

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append a token."""
        logits, self._cache = self._forward(torch.tensor([tokens], device=self._forward.device), self._cache)
        return logits

    def drop(self, rows: Collection[int]) -> None:
        """Take the row out."""
        self._cache = None

    def clear(self) -> None:
        """Take the row out."""
        self._cache = None


def batch_for(forward: Forward, capacity: int) -> Batch:
    """A batch of up to `capacity` rows, if the model gives each row what it would give it alone; else of one."""
    padded = PaddedBatch(forward, capacity)
    return padded if _has_plain_cache(forward) and _gives_the_same(forward, padded) else LoneBatch(forward)


def _has_plain_cache(forward: Forward) -> bool:
    layers = DynamicCache(config=forward.model.config).layers
    return forward.takes_positions and all(type(layer) is DynamicLayer for layer in layers)


def _gives_the_same(forward: Forward, padded: PaddedBatch) -> bool:
    """Whether a short row beside a longer one predicts what it predicts alone, after its prompt and after a step."""
    short, long, token = [1, 2], [3, 2, 1, 2, 3], 1
    try:
        beside = _two_predictions(padded, [short, long], token)
    except Exception:  # some models cannot be asked at all
        return False
    alone = _two_predictions(LoneBatch(forward), [short], token)
    tolerance = 1e-3 if forward.model.dtype == torch.float32 else 0.1  # half precision rounds
    return bool((beside - alone).abs().max() <= tolerance * alone.std())


def _two_predictions(batch: Batch, prompts: Sequence[Sequence[int]], token: int) -> Tensor:
    """What follows the first row's prompt, and then the token, (2, vocabulary)."""
    prefill = batch.prefill(prompts)
    first = prefill.advance(prefill.ids.shape[1], every=False)[0]
    batch.join(prefill, ())
    second = batch.step([token] * len(prompts))[0]
    batch.clear()
    return torch.stack([first, second])


def _extend(forward: Forward, cache: RowCache, ids: Tensor, every: bool = False) -> Tensor:
    columns = ids.shape[1]
    visible = cache.visible(columns)
    if columns == 1 and forward.takes_whole_mask:
        visible = visible[:, None, None]  # (rows, heads, columns, all columns)
    logits, _ = forward(ids, cache, visible=visible, positions=cache.positions(columns), every=every)
    cache.advance(columns)
    return logits
