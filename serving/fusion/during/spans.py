"""Every model drafts a stretch of text, every model judges all drafts, and one draft is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from anabranch.serving.fusion.during.draft import Chosen, Draft, Limit, after, draft
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step

Per = Literal["byte", "token"]
"""What a mean log-probability is the mean over. The papers' way is each judge's own tokens, which favours judges, and
drafts, with short ones; of bytes all judges count as many."""


@dataclass
class Memory:
    """What is kept of a text between rounds.

    Args:
        chosen: by the place of a model, tokens that it has chosen to write next.
        rounds: that were written.
    """

    chosen: dict[int, tuple[Chosen, ...]] = field(default_factory=dict)
    rounds: int = 0


class SpanStep(Step):
    """A method whose steps are rounds of drafts; what it keeps of a text is a `Memory`."""

    def begin(self, ensemble: Ensemble, texts: Sequence[Text]) -> None:
        """See `Step`."""
        for text in texts:
            text.memory = self.remember()

    def remember(self) -> Memory:
        """What is kept of a text that begins."""
        return Memory()


class Candidate(NamedTuple):
    """Something that may be written.

    Args:
        drafts: of one model or more, with the same bytes and the same end.
    """

    drafts: tuple[Draft, ...]

    @property
    def written(self) -> bytes:
        """Its bytes."""
        return self.drafts[0].written


class Trial(NamedTuple):
    """Candidates that models are to judge.

    Args:
        text: that they follow.
        places: of the models that judge.
        candidates: C.
    """

    text: Text
    places: tuple[int, ...]
    candidates: Sequence[Candidate]

    def readable(self, ensemble: Ensemble) -> list[bytes]:
        """What is written by those that all models have room for."""
        distinct = dict.fromkeys(each.written for each in self.candidates if each.written)
        return [written for written in distinct if ensemble.fits(after(self.text, written))]


class Choose(Protocol):
    """A method's choice among candidates."""

    def __call__(self, text: Text, candidates: Sequence[Candidate], scores: Tensor) -> int:
        """Which of C candidates to write; weights of the text may be changed.

        Args:
            text: with M weights.
            candidates: C, more than one, by the place of the first model that drafted each.
            scores: float64 (M, C), the mean log-probability of each candidate by each model; NaN for models that do
                not take part, and where a model has no say, since it cannot write the candidate.
        """


def check_per(per: str) -> None:
    """Raise `ValueError` if this is not something that log-probabilities are averaged over."""
    if per not in get_args(Per):
        raise ValueError(f"per is {per!r}; log-probabilities are averaged per {' or per '.join(get_args(Per))}")


def spans(
    limit: Limit,
    per: Per,
    choose: Choose,
    ensemble: Ensemble,
    texts: Sequence[Text],
    keep: Callable[[list[Draft]], list[Draft]] = list,
) -> list[tuple[Added, ...]]:
    """What one round adds to n texts: the tokens of one draft each; all that was computed for it is with the first.

    Models of weight 0 neither draft nor judge. Where all drafts are equal nothing is judged; else each model reads all
    drafts of all texts in one forward, its own among them, as what it has read of the one that wins is kept.

    Args:
        limit: of drafts.
        per: what is averaged over.
        choose: of the drafts.
        ensemble: M models.
        texts: n, with a `Memory` each.
        keep: what becomes of a text's drafts before they are judged; those that are left are at least one.
    """
    computed, trials = [], []
    for text, drafts in zip(texts, _drafts(ensemble, texts, limit), strict=True):
        by_place = {one.place: one.computed for one in drafts}
        computed.append([by_place.get(place, 0) for place in range(len(ensemble.models))])
        text.memory.rounds += 1
        drafts = keep(drafts)
        trials.append(Trial(text, tuple(one.place for one in drafts), _candidates(drafts)))
    open_at = [at for at, trial in enumerate(trials) if len(trial.candidates) > 1]
    best = [0] * len(trials)
    for at, (scores, read) in zip(open_at, judged(ensemble, [trials[at] for at in open_at], per), strict=True):
        computed[at] = [drafted + scored for drafted, scored in zip(computed[at], read, strict=True)]
        best[at] = choose(trials[at].text, trials[at].candidates, scores)
    pairs = zip(trials, best, computed, strict=True)
    return [_written(trial.text, trial.candidates[at], each) for trial, at, each in pairs]


def judged(ensemble: Ensemble, trials: Sequence[Trial], per: Per) -> list[tuple[Tensor, list[int]]]:
    """What models think of candidates, as `Choose` is told it, and how many tokens that took each of M models.

    A candidate of no bytes is judged by what the model gave the end when it drafted, as one token, or one byte. The end
    after bytes is not judged. A candidate that some model has no room for is judged by none. Each model reads the
    candidates of all texts in one forward.

    Args:
        ensemble: M models.
        trials: of n texts.
        per: what is averaged over.
    """
    found = [_nothing_said(ensemble, trial) for trial in trials]
    readable = [trial.readable(ensemble) for trial in trials]
    for place in range(len(ensemble.models)):
        asked = [at for at, trial in enumerate(trials) if place in trial.places and readable[at]]
        said = ensemble.score(place, [trials[at].text for at in asked], [readable[at] for at in asked]) if asked else []
        for at, each in zip(asked, said, strict=True):
            scores, computed = found[at]
            computed[place] = sum(map(len, each))
            means = {text: _mean(tokens, text, per) for text, tokens in zip(readable[at], each, strict=True)}
            for column, one in enumerate(trials[at].candidates):
                if one.written:
                    scores[place, column] = means.get(one.written, torch.nan)
    return found


def mean_of_judges(values: Tensor, weights: Sequence[float]) -> Tensor:
    """The weighted mean of what judges say, by those that have a say; NaN where none has.

    Args:
        values: float64 (M, C); NaN for no say.
        weights: M.

    >>> mean_of_judges(torch.tensor([[1.0, 2.0], [5.0, torch.nan]]).double(), [0.25, 0.75]).tolist()
    [4.0, 2.0]
    """
    share = torch.tensor(weights, dtype=torch.float64)[:, None] * ~values.isnan()
    # 0 * inf would be NaN
    return torch.where(share > 0, share * values, 0.0).sum(dim=0) / share.sum(dim=0)


def lowest(values: Tensor) -> int:
    """The place of the lowest number, of equals the first; NaN is higher than all.

    >>> lowest(torch.tensor([torch.nan, 2.0, 1.0, 1.0]))
    2
    """
    return int(values.nan_to_num(torch.inf, posinf=torch.inf, neginf=-torch.inf).argmin())


def _nothing_said(ensemble: Ensemble, trial: Trial) -> tuple[Tensor, list[int]]:
    """Scores before any candidate was read: those of the ones that end the text at once."""
    scores = torch.full((len(ensemble.models), len(trial.candidates)), torch.nan, dtype=torch.float64)
    ends = {one.place: one.chosen[0].end for each in trial.candidates for one in each.drafts}
    for column, each in enumerate(trial.candidates):
        for place in trial.places if not each.written else ():
            scores[place, column] = ends[place]
    return scores, [0] * len(ensemble.models)


def _mean(said: Tensor, written: bytes, per: Per) -> float:
    """NaN for bytes that the model has no tokens for."""
    over = len(written) if per == "byte" else len(said)
    return float(said.double().sum()) / over if len(said) else torch.nan


def _drafts(ensemble: Ensemble, texts: Sequence[Text], limit: Limit) -> list[list[Draft]]:
    """Of each text, by place."""
    drafts: list[list[Draft]] = [[] for _ in texts]
    for place in range(len(ensemble.models)):
        asked = [at for at, text in enumerate(texts) if text.weights[place] > 0]
        wanted = [texts[at] for at in asked]
        before = [text.memory.chosen.get(place, ()) for text in wanted]
        for at, one in zip(asked, draft(ensemble, place, wanted, limit, before), strict=True):
            drafts[at].append(one)
    return drafts


def _candidates(drafts: Sequence[Draft]) -> list[Candidate]:
    equal: dict[tuple[bytes, bool], list[Draft]] = {}
    for one in drafts:
        equal.setdefault((one.written, one.ends), []).append(one)
    return [Candidate(tuple(each)) for each in equal.values()]


def _written(text: Text, candidate: Candidate, computed: Sequence[int]) -> tuple[Added, ...]:
    text.memory.chosen = {one.place: one.beyond for one in candidate.drafts}
    first, *others = candidate.drafts[0].tokens
    nothing = (0,) * len(computed)
    return (first._replace(computed=tuple(computed)), *(token._replace(computed=nothing) for token in others))
