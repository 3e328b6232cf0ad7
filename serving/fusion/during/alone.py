"""One model decides by itself."""

from collections.abc import Sequence

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.step import Added, added
from anabranch.serving.fusion.during.table import Table
from anabranch.upstreams.local.sampling import Sampling


def alone(ensemble: Ensemble, place: int, said: Tensor, sampling: Sequence[Sampling]) -> list[Added]:
    """What one model adds to n texts; its own tokens, so that ties fall as they do without the others.

    Args:
        ensemble: M models.
        place: which of them.
        said: its log-probabilities (n, V).
        sampling: n.
    """
    symbol = ensemble.union.columns[place].expand(len(said), -1)
    return added(ensemble, *Table(symbol, said.exp()).chosen(sampling), (place,))
