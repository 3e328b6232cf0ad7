"""Supermodels: sets of models, each worth the expected best of its members less what calling them costs.

How good a member will look once it has been called is Gaussian, so a set is worth E[max]. It is taken over a fixed
table of draws that all prompts and all sets share: over such a table the maximum is submodular without error, and
pruning by that loses nothing.
"""

from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.state import Floats

Ints = NDArray[np.int64]
TIE = 1e-12  # in units of quality; rounding is far below, true differences far above
FEW = 7  # models of which all sets are looked at as fast as some of them
MOST_MODELS = 62  # a set is the bits of an int64


class Sets(NamedTuple):
    """S sets of models that could be all that are called in the end.

    Args:
        members: int64 [S], bit m is set if model m is in.
        worth: float64 [S], E[max].
        cost_usd: float64 [S], of the members that were not called yet.
    """

    members: Ints
    worth: Floats
    cost_usd: Floats

    def best(self, price: float, *, dear: bool = False) -> int:
        """Which set is worth most after its costs, at `price` of quality a USD; of equals the cheapest, or the dearest.

        >>> two = Sets(np.array([1, 2]), np.array([0.5, 0.7]), np.array([1.0, 2.0]))
        >>> two.best(0.1), two.best(0.3), two.best(0.2), two.best(0.2, dear=True)
        (1, 0, 0, 1)
        """
        net = self.worth - price * self.cost_usd
        tied = (net >= net.max() - TIE * (1 + price * self.cost_usd.max())).nonzero()[0]
        if len(tied) == 1:
            return int(tied[0])
        cost = self.cost_usd[tied]
        # equal costs are told apart by the members, so that it does not matter in which order sets were found
        return int(tied[np.lexsort((self.members[tied], -cost if dear else cost))[0]])


@lru_cache(maxsize=64)
def normal_draws(models: int, count: int = 128, seed: int = 0) -> Floats:
    """Standard normal draws [models, count] whose mean is exactly 0 and whose covariance is exactly the identity.

    Half of them are the other half with the sign turned, and the half is made orthogonal, so that the mean and the
    variance of every difference of models are free of error; the covariance is as drawn beyond count / 2 models.

    >>> draws = normal_draws(3)
    >>> np.allclose(draws.mean(axis=1), 0), np.allclose(draws @ draws.T / 128, np.eye(3))
    (True, True)
    """
    half = np.random.default_rng(seed).standard_normal((count // 2, models))
    if models <= count // 2:
        axes, upper = np.linalg.qr(half)
        half = axes * np.sign(np.diag(upper)) * np.sqrt(count // 2)
    draws = np.ascontiguousarray(np.concatenate([half, -half]).T)
    draws.flags.writeable = False
    return draws


def movement(covariance: Floats, draws: Floats) -> Floats:
    """Draws [M, P] turned into draws of a Gaussian of mean 0 and this covariance [M, M], which may be singular."""
    return np.asarray(np.linalg.cholesky(covariance + 1e-12 * np.eye(len(covariance))) @ draws)


def expected_max(mean: Floats, covariance: Floats, count: int = 128, seed: int = 0) -> float:
    """E[max] of a Gaussian, mean [M] and covariance [M, M], over the fixed draws.

    >>> abs(expected_max(np.zeros(2), 0.04 * np.eye(2)) - 0.2 / np.pi**0.5) < 0.003
    True
    """
    return float((mean[:, None] + movement(covariance, normal_draws(len(mean), count, seed))).max(axis=0).mean())


def supersets(
    looks: Floats, cost_usd: Floats, have: Ints, rest: Ints, depth: int, price: float = 0.0, *, prune: bool = True
) -> Sets:
    """The sets of at most `depth` models that hold all of `have` and some of `rest`, but for some that cannot be best.

    A set with a member that gains less than it costs is beaten by the set without it, and so is every larger set,
    because a member gains less as others join (Dekoninck et al. 2025, the pruning lemma). Sets grow by joining two that
    differ in one member, so that a beaten one is in none of them; and a set grows only if it, with the gains of all
    that could still join, reaches the best so far. Once few models are left, all their sets are looked at, though some
    were seen before.

    Args:
        looks: float64 [M, P], draws of how good each model will look; M is at most 62.
        cost_usd: float64 [M], of a call of each.
        have: the models that answered.
        rest: the models that can still be called; not empty if `have` is.
        depth: the most models in a set; `have` itself is always there unless it is empty.
        price: quality that a USD must buy.
        prune: False for all sets.

    >>> looks = np.array([[0.5, 0.5], [0.2, 0.9]])
    >>> supersets(looks, np.array([0.1, 0.2]), np.array([0]), np.array([1]), 2).worth.round(2).tolist()
    [0.5, 0.7]
    """
    top = looks[have].max(axis=0, keepdims=True) if len(have) else None
    found = [] if top is None else [Sets(np.bitwise_or.reduce(1 << have, keepdims=True), _mean(top), np.zeros(1))]
    room = depth - len(have)
    if room <= 0 or not len(rest):
        return found[0]
    if len(rest) <= FEW:
        found.append(_every(looks, cost_usd, rest, room, top, found))
        return Sets(*map(np.concatenate, zip(*found, strict=True)))
    level = _singles(looks, cost_usd, rest, price, top, found)
    found.append(level.sets)
    best = float(found[0].worth[0]) if len(have) else -np.inf
    for size in range(2, room + 1):
        best = max(best, float(level.net.max())) if prune else -np.inf
        first, second = level.joins(best)
        if not len(first):
            break
        few = prune and len(first) <= comb(FEW, FEW // 2)  # more sets of one size are never of so few models
        left = _members(level.sets.members[first] | level.sets.members[second], rest) if few else rest
        if len(left) <= FEW:
            found.append(_every(looks, cost_usd, left, room, top, found[:1] if len(have) else []))
            break
        if size == room:
            found.append(level.unions(first, second, cost_usd)[1])
            break
        level = level.joined(first, second, cost_usd, price)
        found.append(level.sets)
    return Sets(*map(np.concatenate, zip(*found, strict=True)))


def prefixes(looks: Floats, cost_usd: Floats, have: Ints, rest: Ints, depth: int) -> Sets:
    """The sets that add to `have` the first of `rest`, the first two, and so on, up to `depth` models in all.

    >>> looks = np.array([[0.5, 0.5], [0.2, 0.9], [1.0, 1.0]])
    >>> prefixes(looks, np.ones(3), np.array([], np.int64), np.array([0, 1, 2]), 2).members.tolist()
    [1, 3]
    """
    rest = rest[: max(0, depth - len(have))]
    order = np.concatenate([have, rest])
    best = np.maximum.accumulate(looks[order], axis=0)
    cost = np.concatenate([np.zeros(min(1, len(have))), cost_usd[rest].cumsum()])
    begin = max(0, len(have) - 1)
    return Sets(np.bitwise_or.accumulate(1 << order)[begin:], best.mean(axis=1)[begin:], cost)


class _Level(NamedTuple):
    """Sets of one size; those of one family differ in their last member alone and lie side by side.

    Args:
        top: float64 [S, P], the best member in each draw.
        sets: the S sets.
        net: float64 [S], their worth after costs.
        last: int64 [S], the last member.
        family: int64 [S], ascending.
        gain: float64 [S], of the last member over the set without it, after its cost.
        least: float64 [S], the same, or that of the member before it if that is less.
    """

    top: Floats
    sets: Sets
    net: Floats
    last: Ints
    family: Ints
    gain: Floats
    least: Floats

    def joins(self, best: float) -> tuple[Ints, Ints]:
        """Pairs within families, the earlier one first, of sets that no single member drags down.

        The first can still grow into a set that reaches `best`; all pairs if that is -inf.
        """
        if np.isinf(self.gain[0]):
            return _pairs(len(self.last))
        stays = np.arange(len(self.last)) if best == -np.inf else (self.least >= -TIE).nonzero()[0]
        if len(stays) < 2:
            return stays[:0], stays[:0]
        family = self.family[stays]
        place = np.arange(len(stays))
        end = family.searchsorted(family, side="right")
        pairs = end - place - 1
        if best > -np.inf:
            gains = self.gain[stays].cumsum()
            pairs *= self.net[stays] - gains + gains[end - 1] >= best - TIE
        first = place.repeat(pairs)
        partner = place + 1 - pairs.cumsum() + pairs
        return stays[first], stays[partner[first] + np.arange(len(first))]

    def unions(self, first: Ints, second: Ints, cost_usd: Floats) -> tuple[Floats, Sets]:
        """The joined sets, and what is their best member in each draw."""
        top = self.top.take(first, 0)  # sooner than by brackets
        np.maximum(top, self.top.take(second, 0), out=top)
        cost = self.sets.cost_usd[first] + cost_usd[self.last[second]]
        return top, Sets(self.sets.members[first] | self.sets.members[second], _mean(top), cost)

    def joined(self, first: Ints, second: Ints, cost_usd: Floats, price: float) -> "_Level":
        top, sets = self.unions(first, second, cost_usd)
        net, before = sets.worth - price * sets.cost_usd, self.net[first]
        least = net - np.maximum(before, self.net[second])
        return _Level(top, sets, net, self.last[second], first, net - before, least)


def _singles(
    looks: Floats, cost_usd: Floats, rest: Ints, price: float, top: Floats | None, already: list[Sets]
) -> _Level:
    """One more model than were called, the best first, so that good sets are found early."""
    best, cost = looks[rest], cost_usd[rest]
    if top is not None:
        np.maximum(best, top, out=best)
    worth = _mean(best)
    net = worth - price * cost
    order = (-net).argsort(kind="stable")
    last, net = rest[order], net[order]
    members, gain = 1 << last, np.full(len(rest), np.inf)
    for base in already:
        members, gain = members | base.members, net - base.worth
    sets = Sets(members, worth[order], cost[order])
    return _Level(best[order], sets, net, last, np.zeros(len(rest), np.int64), gain, gain)


def _every(looks: Floats, cost_usd: Floats, rest: Ints, most: int, top: Floats | None, already: list[Sets]) -> Sets:
    """All sets that add 1 to `most` of a few models to those that were called."""
    subsets, bits = _subsets(len(rest), most)
    best = np.empty((1 << len(rest), looks.shape[1]))
    best[0] = -np.inf if top is None else top
    for place, model in enumerate(rest.tolist()):
        half = 1 << place
        np.maximum(best[:half], looks[model], out=best[half : 2 * half])
    members = bits @ (1 << rest)
    for base in already:
        members = members | base.members
    return Sets(members, _mean(best)[subsets], bits @ cost_usd[rest])


@lru_cache(maxsize=64)
def _pairs(models: int) -> tuple[Ints, Ints]:
    """All pairs, the earlier one first."""
    first, second = np.triu_indices(models, 1)
    return first, second


@lru_cache(maxsize=64)
def _subsets(models: int, most: int) -> tuple[Ints, Ints]:
    """Numbers [S] of the subsets that have 1 to `most` members, and who is in, 0 or 1 [S, models]."""
    bits = np.arange(1 << models)[:, None] >> np.arange(models) & 1
    size = bits.sum(axis=1)
    numbers = np.flatnonzero((size > 0) & (size <= most))
    return numbers, bits[numbers]


def _members(sets: Ints, rest: Ints) -> Ints:
    """Those of `rest` that are in any of the sets."""
    return np.asarray(rest[np.bitwise_or.reduce(sets) >> rest & 1 > 0])


def _mean(draws: Floats) -> Floats:
    """Mean of each row [S, P], [S]; as a product it takes a third of the time that a sum takes."""
    return np.asarray(draws @ np.full(draws.shape[1], 1 / draws.shape[1]))
