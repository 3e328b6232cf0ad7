"""Plain oracles in float64 of every method that decides token by token.

An oracle is what the paper says in dictionaries, or the authors' code where it says more; it shares no line with what
it is compared to. Where its two best are within 1e-4, rounding may decide, and the step is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.pocket.frozen import check_frozen
from tests.serving.fusion.during.test_nearest import plainly

Floats = NDArray[np.float64]
Law = dict[bytes | None, float]
"""What each string is given; the end is None."""

OTHERS = ("pocket-owl", "pocket-robin")  # Llama over visible blanks, GPT-2 over bytes
ALIKE = ("pocket-heron", "pocket-owl")
WEIGHTS = (0.4, 0.6)
CLOSE, NATS = 1e-4, 1e-3
TOKENS = 12  # of a text


@dataclass(frozen=True)
class Verdict:
    """What an oracle would write, how likely that is, and how far from writing something else it is."""

    best: bytes | None
    share: float
    margin: float


Judge = Callable[[int, Sequence[Floats]], Verdict]
"""The number of a text, and each model's probabilities (V,) of what follows."""


class Member:
    """A model, and what it says of ids in one forward over all of them."""

    def __init__(self, rows: LiveRows) -> None:
        self.rows = rows
        written, ends = rows.vocabulary.written, rows.vocabulary.ends
        self.strings = {  # of every id that writes or ends, in their order
            token: None if token in ends else text
            for token, text in enumerate(written)
            if token in ends or text is not None
        }
        self.texts = list(dict.fromkeys(text for text in self.strings.values() if text is not None))
        self._known: dict[tuple[int, ...], Floats] = {}

    def encode(self, text: bytes) -> list[int]:
        return self.rows._encoder.encode(text)

    def last(self, many: Sequence[Sequence[int]]) -> list[Floats]:
        """Probabilities (V,) after each of some lists of ids, shorter ones padded where nothing looks at it."""
        new = [key for key in dict.fromkeys(map(tuple, many)) if key not in self._known]
        if new:
            width = max(map(len, new))
            logits = self._logits([[*key, *[0] * (width - len(key))] for key in new])
            ends = torch.tensor([len(key) - 1 for key in new])
            self._known |= zip(new, self._law(logits[torch.arange(len(new)), ends]), strict=True)
        return [self._known[tuple(ids)] for ids in many]

    def read(self, ids: Sequence[int]) -> Floats:
        """Probabilities after each id, (ids, V)."""
        return self._law(self._logits([ids])[0])

    def _logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        everything = torch.ones(len(ids), len(ids[0]), dtype=torch.int64)
        with torch.inference_mode():
            logits: Tensor = self.rows._forward.model(
                torch.tensor(ids), attention_mask=everything, use_cache=False
            ).logits
        return logits

    def _law(self, logits: Tensor) -> Floats:
        whole: Floats = logits.double().numpy()
        whole[:, [token for token in range(whole.shape[1]) if token not in self.strings]] = -np.inf
        likely = np.exp(whole - whole.max(axis=1, keepdims=True))
        found: Floats = likely / likely.sum(axis=1, keepdims=True)
        return found

    def by_bytes(self, p: Floats) -> Law:
        law: Law = {}
        chances = p.tolist()
        for token, string in self.strings.items():
            law[string] = law.get(string, 0.0) + chances[token]
        return law


@cache
def member(name: str) -> Member:
    return Member(load_rows(check_frozen(name), "cpu", "float32"))


@cache
def nearest_of(name: str, other: str) -> dict[bytes, bytes]:
    """What one model has in the place of each text of another."""
    offered = member(other).texts
    return {text: text if text in offered else offered[plainly(text, offered)] for text in member(name).texts}


def verdict(law: Law) -> Verdict:
    total = sum(law.values())
    second, first = sorted(law.values())[-2:]
    return Verdict(max(law, key=law.__getitem__), first / total, (first - second) / total)


def mean(laws: Sequence[Law], weights: Sequence[float]) -> Law:
    strings = {string for law in laws for string in law}
    pairs = list(zip(laws, weights, strict=True))
    return {string: sum(weight * law.get(string, 0.0) for law, weight in pairs) for string in strings}


def among_likeliest(members: Sequence[Member], ps: Sequence[Floats], begun: bool, k: int = 10) -> list[Law]:
    """Each model's law among all models' k likeliest strings."""
    laws = [each.by_bytes(p) for each, p in zip(members, ps, strict=True)]
    named = {string for law in laws for string in sorted(law, key=law.__getitem__)[-k:]}
    found = []
    for each, p, law in zip(members, ps, laws, strict=True):
        given: Law = {string: law[string] for string in named if string in law}
        lacking = sorted(string for string in named if string is not None and string not in law)
        spent: set[bytes] = {string for string in given if string is not None}
        for string in lacking if begun else []:
            first = max((text for text in each.texts if string.startswith(text)), key=len, default=None)
            if first is not None and first not in spent:
                given[string] = float(p[each.rows.vocabulary.ids[first]])
                spent.add(first)
        total = sum(given.values())
        found.append({string: given.get(string, 0.0) / total for string in named})
    return found


def gac(members: Sequence[Member]) -> Judge:
    return lambda at, ps: verdict(mean([each.by_bytes(p) for each, p in zip(members, ps, strict=True)], WEIGHTS))


def gac_when_unsure(threshold: float) -> Callable[[Sequence[Member]], Judge]:
    def of(members: Sequence[Member]) -> Judge:
        together = gac(members)

        def judge(at: int, ps: Sequence[Floats]) -> Verdict:
            sure = float(ps[0].max())
            alone = Verdict(members[0].strings[int(ps[0].argmax())], sure, sure - float(np.sort(ps[0])[-2]))
            found = alone if sure > threshold else together(at, ps)
            return replace(found, margin=min(found.margin, abs(sure - threshold)))

        return judge

    return of


def unite(members: Sequence[Member]) -> Judge:
    return lambda at, ps: verdict(mean(among_likeliest(members, ps, begun=True), WEIGHTS))


def me(members: Sequence[Member]) -> Judge:
    """The same draws: a model by its weight, and then a token of it."""
    draws: dict[int, Sampling] = {}

    def taken(p: Sequence[float] | Floats, draw: float) -> tuple[int, float]:
        bounds = np.cumsum(np.asarray(p, dtype=np.float64))
        place = int(np.searchsorted(bounds, draw * bounds[-1], side="right"))
        return place, float(np.abs(bounds[:-1] - draw * bounds[-1]).min())

    def judge(at: int, ps: Sequence[Floats]) -> Verdict:
        sampling = draws.setdefault(at, Sampling(1.0, seed=at))
        model, apart = taken(WEIGHTS, sampling.draw())
        token, margin = taken(ps[model], sampling.draw())
        return Verdict(members[model].strings[token], float(ps[model][token]), min(apart, margin))

    return judge


def purify(members: Sequence[Member]) -> Judge:
    def judge(at: int, ps: Sequence[Floats]) -> Verdict:
        first, second = (each.by_bytes(p) for each, p in zip(members, ps, strict=True))
        assert first.keys() == second.keys()
        return verdict({string: first[string] ** WEIGHTS[0] * second[string] ** WEIGHTS[1] for string in first})

    return judge


def rec(distance: Floats) -> Floats:
    value: Floats = 1 / (1 + distance)
    scaled: Floats = (value - value.min()) / (1 - value.min() + 1e-12)
    return scaled


SCORES: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda distance: 1 - distance,
    "power": lambda distance: (1 - distance) ** 5,
    "rbf": lambda distance: (np.exp(-2 * distance) - np.exp(-2)) / (1 - np.exp(-2)),
    "rec": rec,
}


def core(kind: str, align: str) -> Callable[[Sequence[Member]], Judge]:
    def of(members: Sequence[Member]) -> Judge:
        def judge(at: int, ps: Sequence[Floats]) -> Verdict:
            laws = among_likeliest(members, ps, begun=align == "unite")
            strings = [*laws[0]]
            p = np.array([[law[string] for string in strings] for law in laws])  # (M, K)
            score = SCORES[kind](np.abs(p - p.mean(axis=0))) * (p + p[0] > 1e-12)
            entropy = np.array([-sum(x * np.log(x) for x in row if x > 0) for row in p])
            share = np.array(WEIGHTS) * score.sum(axis=1) / np.maximum(entropy, 1e-3)
            share[0] = max(share[0], share[1:].sum())
            share /= share.sum()
            fused = share[0] * p[0]
            for model in range(1, len(p)):
                scaled = score[model] / score[model][score[model] > 1e-9].mean()
                fused = fused + share[model] * scaled * p[model]
            mine, all_ = verdict(laws[0]), verdict(dict(zip(strings, fused.tolist(), strict=True)))
            decides = main_decides(mine.best, all_.best)
            return replace(mine if decides else all_, margin=min(mine.margin, all_.margin))

        return judge

    return of


def main_decides(mine: bytes | None, best: bytes | None) -> bool:
    """Where the main model would end the text, or one of two different strings begins with the other."""
    if mine is None or best is None:
        return mine is None
    return mine != best and (mine.startswith(best) or best.startswith(mine))


@dataclass(frozen=True)
class Packed:
    """Weights of models, and whose tokens are written."""

    weights: list[float]
    reference: int


def bounds_of(each: Member, prompt: Sequence[int]) -> dict[int, int]:
    """Where each token of the question begins, in bytes, to its place in the prompt; and where the last one ends."""
    bounds, byte = {}, 0
    for place, token in enumerate(prompt):
        text = each.strings.get(token)
        if text is not None:
            bounds[byte] = place
            byte += len(text)
    return {**bounds, byte: len(prompt)}


def packed(names: Sequence[str], prompts: Sequence[Sequence[int]], how: str) -> Packed:
    """All of a prompt is looked at, and templates of pocket models write nothing."""
    members = [member(name) for name in names]
    said = [each.read(prompt) for each, prompt in zip(members, prompts, strict=True)]
    bounds = [bounds_of(each, prompt) for each, prompt in zip(members, prompts, strict=True)]
    assert len({max(each) for each in bounds}) == 1 and max(map(len, prompts)) < 256
    nats = [
        -sum(float(np.log(law[place - 1, prompt[place]])) for place in each.values() if place < len(prompt))
        for law, each, prompt in zip(said, bounds, prompts, strict=True)
    ]
    best = int(np.argmin(nats))
    losses = np.array(nats) / (len(bounds[best]) - 1)
    if how == "sim":
        likely = np.exp(-losses)
        return Packed((likely / likely.sum()).tolist(), best)
    other = 1 - best
    shared = sorted(set(bounds[0]) & set(bounds[1]))[:-1]
    tables = []  # of the reference's texts and end, by each of the two models
    strings: list[bytes | None] = [*members[best].texts, None]
    for model in (best, other):
        laws = [members[model].by_bytes(said[model][bounds[model][byte] - 1]) for byte in shared]
        tables.append(np.array([stood_in(names[best], names[model], law, strings) for law in laws]))
    wanted = [strings.index(members[best].strings[prompts[best][bounds[best][byte]]]) for byte in shared]

    def loss(share: float) -> float:
        mixture = share * tables[0] + (1 - share) * tables[1]
        surprise = np.log(np.exp(mixture).sum(axis=1)) - mixture[np.arange(len(wanted)), wanted]
        return float(surprise.mean())

    share = min((step / 20 for step in range(20, -1, -1)), key=loss)
    weights = [0.0, 0.0]
    weights[best], weights[other] = share, 1 - share
    return Packed(weights, best)


def stood_in(reference: str, name: str, law: Law, strings: Sequence[bytes | None]) -> Floats:
    """Log-probabilities of the reference's strings by what a model has in their place."""
    near = nearest_of(reference, name)
    given = [law[None if string is None else near[string]] for string in strings]
    return np.log(np.maximum(given, 1e-38))


def packllm(asked: Sequence[Packed]) -> Judge:
    def judge(at: int, ps: Sequence[Floats]) -> Verdict:
        weights, reference = asked[at].weights, asked[at].reference
        members = [member(name) for name in OTHERS]
        strings: list[bytes | None] = [*members[reference].texts, None]
        logs = np.zeros(len(strings))
        for name, each, p, weight in zip(OTHERS, members, ps, weights, strict=True):
            logs += weight * stood_in(OTHERS[reference], name, each.by_bytes(p), strings)
        return verdict(dict(zip(strings, np.exp(logs - logs.max()).tolist(), strict=True)))

    return judge
