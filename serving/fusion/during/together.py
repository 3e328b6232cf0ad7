"""All models are asked at each step, and what they say is merged."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, added
from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap


class Merge(Protocol):
    """What models say, in one table."""

    def __call__(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        """The table of n texts.

        Args:
            said: M, log-probabilities (n, V of the model).
            union: of the M vocabularies.
            weights: float32 (n, M); rows sum to 1.
        """


def together(merge: Merge, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
    """What all models add to n texts, one forward of each of them; the rest is as in `Step`.

    A model is not asked of texts in which it has no weight, so that all weight on one model is routing, at its price.
    """
    said = [_said(ensemble, place, texts) for place in range(len(ensemble.models))]
    table = merge(said, ensemble.union, ensemble.weights(texts))
    return added(ensemble, table, texts, [text.heavy for text in texts])


def _said(ensemble: Ensemble, place: int, texts: Sequence[Text]) -> Tensor:
    """What one model says of texts, (n, V); nothing where it has no weight."""
    asked = [at for at, text in enumerate(texts) if text.weights[place] > 0]
    if len(asked) == len(texts):
        return ensemble.ask(place, texts)
    column = ensemble.union.columns[place]
    said = torch.full((len(texts), len(column)), -torch.inf, device=column.device)
    if asked:
        said[asked] = ensemble.ask(place, [texts[at] for at in asked])
    return said
