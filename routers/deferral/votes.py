"""Counting votes: which candidates say the same, and which of them speaks for the rest.

Failed calls and answers without a key vote for nobody, and still count among those asked. No rule looks at the order
of candidates: ties go to the answer of the models thought better, then to the cheaper one, then to the smaller key.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, inf, isnan

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.state import Action, Answer, State

Rank = tuple[float | int | str, ...]


@dataclass(frozen=True)
class Vote:
    """How a vote ended.

    Args:
        winners: places of the candidates that say what won.
        pick: the one of them that speaks for all.
        share: of those asked, how many are among the winners; in (0, 1].
    """

    winners: tuple[int, ...]
    pick: int
    share: float


def places_of(state: State, models: Collection[int]) -> tuple[int, ...]:
    """Places of all candidates of some models, failed ones included."""
    return tuple(place for place, one in enumerate(state.candidates) if one.model in models)


def clusters(state: State, places: Sequence[int]) -> dict[str | int, tuple[int, ...]]:
    """Places that say the same, by key; those that say nothing are in none."""
    found: dict[str | int, tuple[int, ...]] = {}
    for place in places:
        one = state.candidates[place]
        if not one.failed and one.key is not None:
            found[one.key] = (*found.get(one.key, ()), place)
    return found


def plurality(state: State, places: Sequence[int], weights: Mapping[int, float] | None = None) -> Vote | None:
    """The answer with the most votes among `places`; None if nobody voted.

    Args:
        state: holds the candidates.
        places: all that were asked.
        weights: of the votes of each model; each counts 1 if None. Where the weights tie, the count decides.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> said = tuple(Candidate(0, sample, key) for sample, key in enumerate(["a", None, "b", "b"]))
    >>> plurality(State(said, np.ones(1), np.ones(1), u=0.0), range(4))
    Vote(winners=(2, 3), pick=2, share=0.5)
    """
    found = clusters(state, places)
    if not found:
        return None
    winners = found[min(found, key=lambda key: _cluster_rank(state, key, found[key], weights))]
    return Vote(winners, speaker(state, winners), len(winners) / len(places))


def speaker(state: State, places: Sequence[int]) -> int:
    """Of candidates that are worth the same, that of the model thought best, then the cheapest."""
    return min(places, key=lambda place: _rank(state, place))


def voted(state: State, places: Sequence[int], reason: str, weights: Mapping[int, float] | None = None) -> Action:
    """Answer with the plurality of `places`; if nobody voted, with any answer that did not fail, theirs first."""
    vote = plurality(state, places, weights)
    if vote is not None:
        return Answer(vote.pick, reason)
    answers = [place for place in places if not state.candidates[place].failed]
    if answers:
        return Answer(speaker(state, answers), reason)
    others = plurality(state, state.answers)
    return last_answer(state, reason) if others is None else Answer(others.pick, reason)


def _cluster_rank(
    state: State, key: str | int, places: Sequence[int], weights: Mapping[int, float] | None
) -> tuple[Rank, Rank]:
    models = [state.candidates[place].model for place in places]
    weight = float(len(places)) if weights is None else fsum(weights[model] for model in models)
    # summed exactly, so that the order of the candidates does not show
    prior, cost_usd = fsum(_prior(state, model) for model in models), fsum(_cost_usd(state, place) for place in places)
    named: Rank = (0, key) if isinstance(key, int) else (1, key)
    return (-weight, -len(places), -prior, cost_usd), named


def _rank(state: State, place: int) -> Rank:
    one = state.candidates[place]
    return -_prior(state, one.model), _cost_usd(state, place), one.model, one.sample


def _prior(state: State, model: int) -> float:
    quality = float(state.quality[model])
    return 0.0 if isnan(quality) else quality


def _cost_usd(state: State, place: int) -> float:
    cost_usd = state.candidates[place].cost_usd
    return inf if isnan(cost_usd) else cost_usd
