"""One model decides by itself."""

from collections.abc import Sequence

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, added
from anabranch.serving.fusion.during.table import Table


def alone(ensemble: Ensemble, place: int, said: Tensor, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
    """What one model adds to n texts; its own tokens, so that ties fall as they do without the others.

    Args:
        ensemble: M models.
        place: which of them.
        said: its log-probabilities (n, V).
        texts: n.
    """
    symbol = ensemble.union.columns[place].expand(len(said), -1)
    return added(ensemble, Table(symbol, said.exp()), texts, [(place,)] * len(texts))
