"""Cascade routing: at every step the best set of models is looked for anew, and one of it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.priced import priced
from anabranch.routers.deferral.state import Action, Answer, Call, Floats, State
from anabranch.routers.deferral.supermodel import MOST_MODELS, Ints, Sets, prefixes, supersets


class Standing(NamedTuple):
    """What is believed of L models once some were called.

    Args:
        mean: float64 [L], expected quality.
        looks: float64 [L, P], draws of how good each will look.
        cost_usd: float64 [L].
        have: those that answered.
        rest: those that were not called.
        place: of each one's answer among the candidates.
    """

    mean: Floats
    looks: Floats
    cost_usd: Floats
    have: Ints
    rest: Ints
    place: dict[int, int]


@dataclass(frozen=True)
class CascadeRouting:
    """Call on towards the set of models whose expected best answer is worth most after its costs.

    Routing (`max_depth` 1) and cascading (`forced`) are its two limits. When no call pays, the answer is that of the
    highest expected quality, which need not be the last. A model is called once; a call that failed does not count as
    an answer. A model of unknown cost counts as dear as the dearest; if no cost is known, all are free.

    Args:
        models: L numbers; with `forced`, in the order in which they are called.
        belief: of these models, in this order.
        lam: quality that a USD must buy.
        gamma: share of the prompts on which, of sets that are worth the same, the dearest is taken, not the cheapest;
            one draw decides for all steps of a prompt.
        max_depth: the most answers of a prompt.
        forced: sets are prefixes of `models`.
        best_first: of a set call the member of highest expected quality first, not the cheapest.

    Raises:
        ValueError: the belief is of other models, or there are more than 62; a setting is out of its range.
    """

    source = "Dekoninck et al. 2025, arXiv 2410.10347"
    specification = "code"
    models: tuple[int, ...]
    belief: GaussianBelief
    lam: float
    gamma: float = 0.0
    max_depth: int = 5
    forced: bool = False
    best_first: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.models) == len(self.belief.usual) <= MOST_MODELS:
            raise ValueError(
                f"{len(self.models)} models and a belief of {len(self.belief.usual)}; as many are needed, "
                f"1 to {MOST_MODELS}"
            )
        if not (0 <= self.lam < np.inf and 0 <= self.gamma <= 1 and self.max_depth >= 1):
            raise ValueError(
                f"lam {self.lam}, gamma {self.gamma}, max_depth {self.max_depth}: lam is finite and at least 0, gamma "
                f"is 0 to 1, max_depth is at least 1"
            )

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        standing = self.standing(state)
        if not standing.place and not len(standing.rest):
            return last_answer(state, "last")
        sets = self.sets(standing, self.lam)
        return self.towards(int(sets.members[sets.best(self.lam, dear=state.u < self.gamma)]), standing)

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: if nothing can be called after it, and no earlier answer can be thought better."""
        untried = {model for model in self.models if not state.calls_of(model)}
        return not state.answers and (self.max_depth == 1 or len(untried) == 1)

    def standing(self, state: State) -> Standing:
        """What is believed now."""
        called: dict[int, Mapping[str, float]] = {}
        place: dict[int, int] = {}
        for at, one in enumerate(state.candidates):
            column = self._columns.get(one.model)
            if column is not None and column not in place:
                called[column] = {} if one.failed else one.signals
                if not one.failed:
                    place[column] = at
        mean, known = self.belief.after(state.quality[self._places], called)
        return Standing(
            mean=mean,
            looks=mean[:, None] + known.moves,
            cost_usd=priced(state.cost_usd[self._places]),
            have=np.array(sorted(place), np.int64),
            rest=np.array([column for column in range(len(self.models)) if column not in called], np.int64),
            place=place,
        )

    @cached_property
    def _places(self) -> Ints:
        return np.array(self.models, np.int64)

    @cached_property
    def _columns(self) -> dict[int, int]:
        return {model: column for column, model in enumerate(self.models)}

    def sets(self, now: Standing, price: float = 0.0, *, prune: bool = True) -> Sets:
        """The sets that can be called in the end, but for some that cannot be best at this price; see `supersets`."""
        if self.forced:
            return prefixes(now.looks, now.cost_usd, now.have, now.rest, self.max_depth)
        return supersets(now.looks, now.cost_usd, now.have, now.rest, self.max_depth, price, prune=prune)

    def towards(self, members: int, now: Standing) -> Action:
        """The next call on the way to a set, or the answer if all of it were called."""
        new = [column for column in now.rest.tolist() if members >> column & 1]
        if not new:
            return Answer(now.place[max(now.have.tolist(), key=now.mean.__getitem__)], "best")
        if self.best_first and not self.forced:
            first = max(new, key=now.mean.__getitem__)
        else:
            first = new[0] if self.forced else min(new, key=lambda column: (now.cost_usd[column], -now.mean[column]))
        return Call((self.models[first],), "worth it" if now.place else "first")
