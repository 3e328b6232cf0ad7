"""Draw answers of one or several models until the leading one surely leads."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from anabranch.routers.deferral.best_of_infinity import GOLDEN, BestOfInfinity
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Call, State
from anabranch.training.cascades.chains import Models
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


@dataclass(frozen=True)
class BestOfInf:
    """Each model, neighbours in price and all models drawn alike, at several Bayes factors; and models called once.

    The paper finds how often to draw each model by an integer program; here each is drawn as often as the others. No
    more is drawn than is recorded, so what far more samples would bring is not seen.

    Args:
        bayes_factors: from which on to stop.
        checks: numbers of draws after which to look; those beyond what is recorded are left out.
        unseen: how many draws an answer never seen counts for.
        depth: the most models.
    """

    source = "Komiyama et al. 2025, arXiv 2509.21091"
    specification = "code"
    router = None
    bayes_factors: tuple[float, ...] = (5.0, 30.0, 300.0)
    checks: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40)
    unseen: float = 0.3
    depth: int = 4

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: answers cannot be compared, samples are missing, or a cost is unknown.
        """
        refuse_without_keys(ground)
        models = lineup(ground, self.depth)
        yield from map(alone, models)
        for drawn in dict.fromkeys((*((model,) for model in models), *pairwise(models), models)):
            most = draws_within(drawn, samples_of(ground, drawn, 2))
            checks = (*(check for check in self.checks if check < most), most)
            for factor in self.bayes_factors:
                yield BestOfInfinity(drawn, (), factor, checks, self.unseen)


def draws_within(models: Models, samples: int) -> int:
    """How many draws of models, each as often as the others, never ask one for more samples than there are.

    Args:
        models: M.
        samples: of each model.

    >>> draws_within((0,), 5), draws_within((0, 1), 5)
    (5, 8)
    """
    most = len(models) * samples
    edges = np.add.outer(np.arange(len(models)) / len(models), -np.arange(most) * GOLDEN) % 1.0
    rising = np.append(np.unique(edges), 1.0)
    # what is drawn changes at the edges alone, so one u between any two of them stands for all
    between = (rising[:-1] + rising[1:]) / 2
    return min(_fitting(models, samples, most, float(u)) for u in between)


def _fitting(models: Models, samples: int, most: int, u: float) -> int:
    """How many draws from `u` on ask no model for too many samples."""
    unknown = np.full(max(models) + 1, np.nan)
    first = BestOfInfinity(models, checks=(most,)).decide(State((), unknown, unknown, u))
    drawn = first.models if isinstance(first, Call) else ()
    asked = dict.fromkeys(models, 0)
    for place, model in enumerate(drawn):
        asked[model] += 1
        if asked[model] > samples:
            return place
    return len(drawn)
