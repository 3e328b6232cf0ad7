"""Log-probabilities of one union of vocabularies, averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap


def log_linear(said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
    """The weighted geometric mean (CP-delta with the KL divergence, if both of two models weigh a half).

    A token that any model of a weight above 0 cannot write has no chance, so this is for models of one vocabulary, or
    nearly. Where nothing is left, it is the weighted mean.

    Source: Li et al. 2024, arXiv 2402.14845.

    Args:
        said: M, log-probabilities (n, V of the model).
        union: of the M vocabularies.
        weights: float32 (n, M).
    """
    given = torch.stack([union.given(place, one.exp()) for place, one in enumerate(said)], dim=1)  # (n, M, U)
    share = weights[:, :, None]
    # 0 * -inf would be NaN: a model of weight 0 has no say
    logs = torch.where(share > 0, share * given.log(), 0.0).sum(dim=1)
    best = logs.amax(dim=1, keepdim=True)
    weight = torch.where(best == -torch.inf, (share * given).sum(dim=1), (logs - best).exp())
    return Table(union.symbols.expand(len(weight), -1), weight)
