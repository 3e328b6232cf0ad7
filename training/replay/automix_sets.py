"""Families of sets of bins at which AutoMix could escalate; each holds escalating never and escalating always."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from anabranch.data.outcomes import Floats
from anabranch.training.replay.automix_bins import Bins, Sets

SMOOTHING_BINS = 2.0
ESCALATED, HOPELESS = 100.0, 99.0


def exact_set(bins: Bins, price: float, kappa: float) -> Sets:
    """The bins that gain more from the large model than it costs at a price: the best set there is, [B + 1].

    Args:
        bins: of the prompts to fit on.
        price: quality a USD, at least 0.
        kappa: prompts by which a bin's mean gain is drawn to the mean gain of all.
    """
    gain, cost_usd = _gain_and_cost(bins, kappa)
    return np.asarray(gain > price * cost_usd)


def exact(bins: Bins, kappa: float) -> Sets:
    """The best set for every price: bins enter in the order of what they gain a USD."""
    gain, cost_usd = _gain_and_cost(bins, kappa)
    worth = np.divide(gain, cost_usd, out=np.full(len(gain), np.inf), where=cost_usd > 0)
    return _prefixes(np.where(gain > 0, worth, -np.inf))


def threshold(bins: Bins, kappa: float) -> Sets:
    """All bins up to one."""
    size = len(bins.prompts)
    return np.asarray(np.arange(size) < np.arange(size + 1)[:, None])


def double(bins: Bins, kappa: float) -> Sets:
    """All bins from one to another: below, the small model's answer is hopeless for the large model too."""
    place = np.arange(len(bins.prompts))
    first, last = (each.ravel()[:, None] for each in np.meshgrid(place, place, indexing="ij"))
    between = (first <= place) & (place <= last)
    return _distinct(between, threshold(bins, kappa))


def triple(bins: Bins, kappa: float) -> Sets:
    """All bins up to one, and all from another to a third."""
    lower, between = threshold(bins, kappa), double(bins, kappa)
    both = lower[:, None] | between
    return _distinct(both.reshape(-1, both.shape[-1]))


def pomdp(bins: Bins, kappa: float) -> Sets:
    """The published POMDP of one step, for every penalty.

    Keeping a needy answer costs r, a hopeless one r + 1; escalating costs 100, a hopeless one r + 100. With shares n, g
    and h of needy, good and hopeless prompts, a bin escalates once n (r - 100) exceeds 100 g + 99 h. The released code
    tries whole r up to 4999.
    """
    needy, good, hopeless = bins.kinds.T
    against = ESCALATED * good + HOPELESS * hopeless
    ratio = np.divide(against, needy, out=np.full(len(needy), np.inf), where=needy > 0)
    return _prefixes(-ratio)


def greedy(bins: Bins, kappa: float) -> Sets:
    """Bins in the order of their mean gain, smoothed over neighbours; a bin without prompts gains 0 before that."""
    mean = np.divide(bins.gain, bins.prompts, out=np.zeros(len(bins.gain)), where=bins.prompts > 0)
    return _prefixes(gaussian_filter1d(mean, SMOOTHING_BINS))


def union(bins: Bins, kappa: float) -> Sets:
    """What the paper chooses among, under the name POMDP: pomdp, greedy, double and threshold."""
    return _distinct(*(family(bins, kappa) for family in (pomdp, greedy, double, threshold)))


FAMILIES: dict[str, Callable[[Bins, float], Sets]] = {
    "double": double,
    "exact": exact,
    "greedy": greedy,
    "pomdp": pomdp,
    "threshold": threshold,
    "triple": triple,
    "union": union,
}


def _gain_and_cost(bins: Bins, kappa: float) -> tuple[Floats, Floats]:
    """Mean gain of each bin, shrunken, and mean cost of its escalation; that of all bins where one has no prompts."""
    prompts = bins.prompts.sum()
    gain = bins.gain.sum() / prompts if prompts else 0.0
    cost_usd = bins.extra_usd.sum() / prompts if prompts else 0.0
    size = bins.prompts + kappa
    return (
        np.divide(bins.gain + kappa * gain, size, out=np.full(len(size), gain), where=size > 0),
        np.divide(bins.extra_usd, bins.prompts, out=np.full(len(size), cost_usd), where=bins.prompts > 0),
    )


def _prefixes(score: Floats) -> Sets:
    """The sets of all bins that score at least as much as one, ties together; -inf enters only with all."""
    levels = np.unique(score[score > -np.inf])[::-1]
    return _distinct(score >= levels[:, None], np.array([[False], [True]]).repeat(len(score), axis=1))


def _distinct(*sets: Sets) -> Sets:
    return np.unique(np.concatenate(sets), axis=0)
