"""Tokens from logits, row by row independent: the likeliest, or drawn."""

from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.upstreams.local.sampling import Sampling


def choose(logits: Tensor, rows: Sequence[Sampling]) -> Tensor:
    """The next token of each row, int64 (n,); logits float32 (n, vocabulary).

    >>> choose(torch.tensor([[0.0, 2.0, 1.0]]), [Sampling()]).tolist()
    [1]
    """
    tokens = logits.argmax(dim=-1)
    plain = [row for row, wanted in enumerate(rows) if wanted.temperature > 0 and wanted.top_p >= 1]
    narrow = [row for row, wanted in enumerate(rows) if wanted.temperature > 0 and wanted.top_p < 1]
    if plain:
        tokens[plain] = inverse_cdf(_probabilities(logits, rows, plain), _draws(logits, rows, plain))
    if narrow:
        top_p = logits.new_tensor([rows[row].top_p for row in narrow])
        tokens[narrow] = nucleus(_probabilities(logits, rows, narrow), top_p, _draws(logits, rows, narrow))
    return tokens


def inverse_cdf(probabilities: Tensor, draws: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds the draw's share of the whole, int64 (n,).

    Args:
        probabilities: (n, vocabulary), not negative; they need not sum to 1.
        draws: (n,), in [0, 1).

    >>> inverse_cdf(torch.tensor([[0.2, 0.0, 0.8]] * 2), torch.tensor([0.1, 0.2])).tolist()
    [0, 2]
    """
    cumulative = probabilities.cumsum(dim=-1)
    return torch.searchsorted(cumulative, draws[:, None] * cumulative[:, -1:], right=True)[:, 0]


def nucleus(probabilities: Tensor, top_p: Tensor, draws: Tensor) -> Tensor:
    """Draw from the fewest likeliest tokens that together reach `top_p` (Holtzman et al. 2020), int64 (n,).

    >>> nucleus(torch.tensor([[0.1, 0.6, 0.3]]), torch.tensor([0.8]), torch.tensor([0.99])).tolist()
    [2]
    """
    ranked, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    likelier = ranked.cumsum(dim=-1) - ranked  # (n, vocabulary), mass before each token
    kept = ranked.where(likelier < top_p[:, None], 0.0)
    kept[:, 0] = ranked[:, 0]
    return tokens.gather(1, inverse_cdf(kept, draws)[:, None])[:, 0]


def _probabilities(logits: Tensor, rows: Sequence[Sampling], chosen: list[int]) -> Tensor:
    temperature = logits.new_tensor([rows[row].temperature for row in chosen])[:, None]
    part = logits[chosen]
    # the largest is taken off first, so that a tiny temperature makes no infinity
    return ((part - part.amax(dim=-1, keepdim=True)) / temperature).softmax(dim=-1)


def _draws(logits: Tensor, rows: Sequence[Sampling], chosen: list[int]) -> Tensor:
    return logits.new_tensor([rows[row].draw() for row in chosen])
