"""CoRE: tokens and models that deviate from the mean of all count less."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anabranch.serving.fusion.during.consistency import Consistency, of_main, rescaled
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.together import together
from anabranch.serving.fusion.during.top_k import TopK
from anabranch.serving.fusion.during.union_map import UnionMap

ALIGNMENTS = ("gac", "unite")


@dataclass(frozen=True)
class CoRE(Step):
    """Weigh what models think of each model's k likeliest tokens by how far they agree, token by token.

    A main model has half of the weight or more. Where its likeliest token and that of all together begin with one
    another, or where it would end the text, it decides alone.

    The weight that a user gives a model multiplies what its consistency gives it, before the main model is granted its
    half; a model of weight 0 has no part in anything, and if it is the main model, the first of the others is. That is
    ours: the authors have no such weights.

    Args:
        align: what a model gives a token that it cannot write: nothing (`gac`), or what it gives the token that it
            begins with (`unite`).
        k: tokens of each model.
        main: place of the main model.
        kind: and the rest: of `Consistency`; the floor of the entropy is ours.

    Raises:
        ValueError: an unknown alignment or kind, k below 1, a negative place, or a number that is not above 0.
    """

    source = "arXiv 2510.13855; zhichenz98/CoRE-EACL26@31dec463"
    specification = "code"
    needs = "top"
    align: str = "unite"
    k: int = 10
    main: int = 0
    kind: str = "rbf"
    beta: float = 2.0
    alpha: float = 5.0
    gamma: float = 1.0
    eps: float = 1e-12
    least_entropy: float = 1e-3

    def __post_init__(self) -> None:
        if self.align not in ALIGNMENTS:
            raise ValueError(f"unknown alignment {self.align!r}; known: {', '.join(ALIGNMENTS)}")
        if self.k < 1 or self.main < 0:
            raise ValueError(f"k {self.k}, main {self.main}: 1 token or more, and the place of a model, from 0 on")
        assert self._consistency

    @property
    def top(self) -> int:
        """See `Step`."""
        return self.k

    def check(self, models: int) -> None:
        """See `Step`."""
        if self.main >= models:
            raise ValueError(f"main {self.main}: {models} models have the places 0 to {models - 1}")

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return together(self._merge, ensemble, texts)

    @property
    def _consistency(self) -> Consistency:
        return Consistency(self.kind, self.beta, self.alpha, self.gamma, self.eps, self.least_entropy)

    def _merge(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        alive = weights > 0
        first = alive.int().argmax(dim=1)
        main = torch.where(alive[:, self.main], torch.full_like(first, self.main), first)  # (n,)
        symbol, p = TopK.of(said, union, weights, self.k, begun=self.align == "unite")
        how = self._consistency
        scores = how.of_tokens(p, main, alive)
        share = how.of_models(scores, p, main, weights)
        scale = rescaled(scores).scatter(1, main[:, None, None].expand(-1, 1, p.shape[2]), 1.0)
        fused = (share[:, :, None] * scale * p).sum(dim=1)
        own = of_main(p, main)
        decides = [
            _decides(union, mine, best)
            for mine, best in zip(_likeliest(symbol, own), _likeliest(symbol, fused), strict=True)
        ]
        return Table(symbol, own.where(torch.tensor(decides, device=own.device)[:, None], fused))


def _likeliest(symbol: Tensor, weight: Tensor) -> list[int]:
    return symbol.gather(1, weight.argmax(dim=1, keepdim=True))[:, 0].tolist()


def _decides(union: UnionMap, mine: int, best: int) -> bool:
    """Whether the main model's symbol is written, and not that of all together."""
    if union.end in (mine, best):
        return mine == union.end
    one, other = union.texts[mine], union.texts[best]
    return mine != best and (one.startswith(other) or other.startswith(one))
