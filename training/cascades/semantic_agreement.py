"""Several small models at once; where they do not say the same, a big one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement as Agreement
from anabranch.training.cascades.budgets import model_costs
from anabranch.training.cascades.chains import Models
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


@dataclass(frozen=True)
class SemanticAgreement:
    """Keep the answer of small models that agree, at every level of agreement that they can have.

    Small models are neighbours in price; the big one is the best of those that cost more. The paper compares meanings,
    here answers are alike or not. Models by themselves are tried as well.

    Args:
        small: the most small models at once, at least 2.
        form: of agreement: mean over pairs, or max, of the most central answer.
        groups: the most groups of small models that are tried for each size.
    """

    source = "Soiffer et al. 2025, arXiv 2509.21837"
    specification = "secondary"
    router = None
    small: int = 3
    form: Literal["mean", "max"] = "mean"
    groups: int = 10

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: answers cannot be compared, there are fewer than three models, or a cost is unknown.
        """
        refuse_without_keys(ground)
        if len(ground.table.models) < 3 or self.small < 2:
            raise ValueError(
                f"{len(ground.table.models)} models, up to {self.small} small ones at once: two small ones and a big "
                "one are needed; name more with --models"
            )
        samples_of(ground, range(len(ground.table.models)))
        yield from map(alone, lineup(ground, len(ground.table.models)))
        for size in range(2, min(self.small, len(ground.table.models) - 1) + 1):
            for models in evenly(_groups(ground, size), self.groups):
                yield from (Agreement(models, level, self.form) for level in _levels(size, self.form))


def _groups(ground: Ground, size: int) -> list[Models]:
    """Small models that are neighbours in price, and the best of the dearer ones."""
    quality = [float(ground.table.quality[:, model].mean()) for model in range(len(ground.table.models))]
    rising = model_costs(ground).argsort(kind="stable").tolist()
    return [
        (*rising[start : start + size], max(rising[start + size :], key=quality.__getitem__))
        for start in range(len(rising) - size)
    ]


def _levels(size: int, form: Literal["mean", "max"]) -> list[float]:
    """The agreements above 0 that small models can have, as the policy works them out.

    >>> _levels(3, "mean"), _levels(3, "max")
    ([0.3333333333333333, 1.0], [0.5, 1.0])
    """
    if form == "max":
        return [(alike - 1) / (size - 1) for alike in range(2, size + 1)]
    pairs = {sum(alike * (alike - 1) for alike in parts) for parts in _partitions(size, size)}
    return [pair / (size * (size - 1)) for pair in sorted(pairs - {0})]


def _partitions(total: int, most: int) -> Iterator[tuple[int, ...]]:
    """The ways to write a number as a sum of numbers up to `most`, the largest first."""
    if not total:
        yield ()
    for first in range(min(total, most), 0, -1):
        yield from ((first, *rest) for rest in _partitions(total - first, first))
