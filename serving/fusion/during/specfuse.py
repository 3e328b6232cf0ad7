"""SpecFuse (SpecEM): a few tokens of each model, voted on, and votes that weigh what they were worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt

import torch
from torch import Tensor

from anabranch.serving.fusion.during.draft import Draft, Limit
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.spans import (
    Candidate,
    Memory,
    Per,
    SpanStep,
    check_per,
    lowest,
    mean_of_judges,
    spans,
)
from anabranch.serving.fusion.during.step import Added


@dataclass
class Standing(Memory):
    """What is kept of a text: how good each model's drafts have been.

    Args:
        quality: by the place of a model, the sum of what its drafts were given.
    """

    quality: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SpecFuse(SpanStep):
    """Each model writes some tokens, each divides one vote among the drafts, and the draft with the most is added.

    A vote is the softmax of mean log-probabilities; the authors' code has mean logits instead, which other models'
    cannot be compared with. The authors write with temperature 0.6 and top-p 0.9; here the request says how.

    Args:
        tokens: of a draft; of a word that may have been broken off nothing is left.
        rate: of the Hedge updates of weights, see `hedge`; 0 for none, which is the authors' default. Theirs is a tenth
            of the number that is given on the command line. Weights of two models never change, see `rewards`.
        exit_below: share of the quality below which a model is not asked again for a text, see `leave`; 0 for never.
        first_end_wins: whether the shortest draft that ends the text, if any does, is added without a vote.
        per: what log-probabilities are averaged over, see `Per`; "token" as in the paper.

    Raises:
        ValueError: no tokens, a negative rate, a share that is none, or another `per`.
    """

    source = "Lv et al. 2024, arXiv 2412.07380; lvbotenbest/SpecEM"
    specification = "code"
    needs = "scores"
    tokens: int = 10
    rate: float = 0.0
    exit_below: float = 0.0
    first_end_wins: bool = False
    per: Per = "byte"

    def __post_init__(self) -> None:
        check_per(self.per)
        if self.tokens < 1 or not 0 <= self.rate < float("inf") or not 0 <= self.exit_below < 1:
            raise ValueError(
                f"tokens {self.tokens}, rate {self.rate}, exit_below {self.exit_below}: 1 token or more, a rate of 0 "
                "or more, and a share from 0 to below 1"
            )

    def remember(self) -> Standing:
        """See `SpanStep`."""
        return Standing()

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return spans(Limit(self.tokens), self.per, self._choose, ensemble, texts, self._keep)

    def _keep(self, drafts: list[Draft]) -> list[Draft]:
        ended = [one for one in drafts if one.ends]
        if self.first_end_wins and ended:
            return [min(ended, key=lambda one: len(one.chosen))]
        return [trimmed(one) for one in drafts]

    def _choose(self, text: Text, candidates: Sequence[Candidate], scores: Tensor) -> int:
        column = {one.place: at for at, each in enumerate(candidates) for one in each.drafts}
        if self.rate > 0:
            text.weights = hedge(text.weights, rewards(scores, column), self.rate, text.memory.rounds)
        given = mean_of_judges(votes(scores), text.weights)
        if self.exit_below > 0:
            for place, at in column.items():
                text.memory.quality[place] = text.memory.quality.get(place, 0.0) + float(given[at].nan_to_num(0.0))
            text.weights = leave(text.weights, text.memory.quality, self.exit_below)
        return lowest(-given)


def trimmed(draft: Draft) -> Draft:
    """Without its last word, if it ends with a letter or digit of ASCII, which a word may go on after."""
    tokens = [token.written for token in draft.tokens]
    if draft.ends or not tokens[-1][-1:].isalnum():
        return draft
    begins = [at for at in range(1, len(tokens)) if tokens[at][:1].isspace() or tokens[at - 1][-1:].isspace()]
    if not begins or b"".join(tokens[: begins[-1]]).isspace():
        return draft
    return draft.cut(begins[-1])


def votes(scores: Tensor) -> Tensor:
    """The vote of each model, which sums to 1; NaN where it has no say.

    >>> votes(torch.tensor([[1.0, 1.0], [0.5, torch.nan]]).log()).tolist()
    [[0.5, 0.5], [1.0, nan]]
    """
    mute = scores.isnan()
    return scores.masked_fill(mute, -torch.inf).softmax(dim=1).masked_fill(mute, torch.nan)


def rewards(scores: Tensor, column: dict[int, int]) -> dict[int, float]:
    """How often each model's draft is no worse than another's, as all others judge it; by place.

    Of K models each has K - 1 judges and K - 1 rivals; no win at all counts as one, as in the authors' code, so that of
    two models both have the whole reward whoever wins.

    Args:
        scores: float64 (M, C).
        column: by the place of each of K models, its draft.

    >>> rewards(torch.tensor([[0.0, -2.0, -1.0], [-1.0, 0.0, -2.0], [-1.0, -2.0, 0.0]]), {0: 0, 1: 1, 2: 2})
    {0: 0.5, 1: 0.25, 2: 0.25}
    """
    said = scores.tolist()
    found = {}
    for place in column:
        others = [other for other in column if other != place]
        wins = sum(said[judge][column[place]] >= said[judge][column[other]] for judge in others for other in others)
        found[place] = max(wins, 1) / len(others) ** 2
    return found


def hedge(weights: Sequence[float], rewards: dict[int, float], rate: float, time: int) -> list[float]:
    """Weights after one more round: multiplied with exp(rate / (time sqrt(K)) reward), and made to sum to 1.

    Args:
        weights: M.
        rewards: by place, of the K models that take part.
        rate: of the first round, for one model.
        time: number of the round, from 1 on.

    >>> [round(one, 4) for one in hedge([0.5, 0.5], {0: 1.0, 1: 0.0}, 2**0.5, 1)]  # e to 1
    [0.7311, 0.2689]
    """
    step = rate * sqrt(1 / len(rewards)) / time
    best = max(rewards.values())  # taken off, so that no rate is too much
    grown = [weight * exp(step * (rewards.get(place, best) - best)) for place, weight in enumerate(weights)]
    return [one / sum(grown) for one in grown]


def leave(weights: Sequence[float], quality: dict[int, float], least: float) -> list[float]:
    """Weights with 0 for models that have too little of the quality, and which sum to 1; the best model stays.

    Shares are the softmax of quality at a temperature that is the entropy of quality, 1 where all have as much: the
    more they differ the sharper it is. The paper's own form of it is not known here.

    Args:
        weights: M.
        quality: by place, above 0.
        least: share.

    >>> leave([0.25, 0.25, 0.5], {0: 3.0, 1: 1.0, 2: 3.0}, 0.1)  # shares of about 0.48, 0.05 and 0.48
    [0.3333333333333333, 0.0, 0.6666666666666666]
    """
    taking_part = {place: value for place, value in quality.items() if weights[place] > 0}
    total = sum(taking_part.values())
    if len(taking_part) < 2 or not total > 0:
        return [*weights]
    parts = [value / total for value in taking_part.values() if value > 0]
    temperature = max(-sum(part * log(part) for part in parts) / log(len(taking_part)), 1e-6)
    best = max(taking_part.values())
    grown = {place: exp((value - best) / temperature) for place, value in taking_part.items()}
    gone = {place for place, one in grown.items() if one < least * sum(grown.values()) and one < 1}
    left = [0.0 if place in gone else weight for place, weight in enumerate(weights)]
    return [one / sum(left) for one in left]
