"""Log-probabilities of tokens and of the likeliest in their place, brought from the device in one go."""

from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.upstreams.local.scored import Scored


def scored(logits: Tensor, tokens: Tensor, tops: Sequence[int | None]) -> list[Scored]:
    """Tokens as numbers, with log-probabilities where they are wanted; the logits are neither tempered nor cut.

    Args:
        logits: float32 (n, vocabulary).
        tokens: int64 (n,).
        tops: alternatives wanted of each; None for no log-probability at all.

    >>> scored(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), [None])
    [Scored(token=1, logprob=None, top=(), by=())]
    """
    wanted = [row for row, top in enumerate(tops) if top is not None]
    if not wanted:
        return [Scored(token) for token in tokens.tolist()]
    count = min(logits.shape[-1], max(top or 0 for top in tops))
    logprobs = logits[wanted].log_softmax(dim=-1)  # (m, vocabulary)
    own = logprobs.gather(1, tokens[wanted][:, None])  # (m, 1)
    best = logprobs.topk(count, dim=-1)  # (m, count)
    # ids are below 2^24, so that float32 holds them, and one copy does for all
    packed = torch.cat([tokens.float(), torch.cat([own, best.values, best.indices.float()], dim=1).flatten()]).tolist()
    found = [Scored(int(token)) for token in packed[: len(tops)]]
    width = 1 + 2 * count
    for place, row in enumerate(wanted):
        start = len(tops) + place * width
        logprob, *rest = packed[start : start + width]
        pairs = zip(rest[count:], rest[:count], strict=True)
        found[row] = Scored(found[row].token, logprob, tuple((int(i), p) for i, p in pairs)[: tops[row]])
    return found
