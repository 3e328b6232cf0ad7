"""The law of what follows a text, of which only the likeliest tokens are known."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

LEAST = torch.finfo(torch.float32).tiny  # what may follow has a logarithm, however little is left


def top_law(said: Mapping[int, float], least: float, speaks: Tensor) -> Tensor:
    """Log-probabilities of all ids, float32 (V,).

    What is left of 1 is shared evenly by the ids that were not named, none of which may be likelier than the least
    likely token that was; then all is made to sum to 1, since ids that write and end nothing have no share. Of the two
    rules of SpecFed (arXiv 2604.25777), this and to leave out what was not named, this one is a law of all that can
    be written.

    Args:
        said: log-probabilities by id.
        least: of the least likely that was named, whether its id is known or not.
        speaks: bool (V,), which ids write or end something.

    >>> speaks = torch.tensor([True, True, True, True, False])
    >>> top_law({0: math.log(0.6), 2: math.log(0.2)}, math.log(0.2), speaks).exp()  # 0.2 is left for 1 and 3
    tensor([0.6000, 0.1000, 0.2000, 0.1000, 0.0000])
    """
    ids = [token for token in said if bool(speaks[token])]
    named = torch.tensor([said[token] for token in ids], dtype=torch.float64).exp()
    others = int(speaks.sum()) - len(ids)
    left = 1 - math.fsum(map(math.exp, said.values()))
    share = max(min(left / max(others, 1), math.exp(least)), LEAST)
    whole = float(named.sum()) + others * share
    law = torch.full(speaks.shape, -torch.inf).masked_fill(speaks, math.log(share / whole))
    law[ids] = (named / whole).clamp(min=LEAST).log().float()
    return law
