"""Routing collapse: does the router still choose, or does it always call the same, dearest arm?"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.oracle import hit

Floats = NDArray[np.float64]


def rci(quality: ArrayLike, cost: ArrayLike, choice: ArrayLike) -> Floats:
    """Routing collapse index for each prompt [n]: 1 for a wrong or needlessly dear choice; the mean is the index.

    0 when the chosen arm is among the best and is not the dearest, or when only the dearest is best and was chosen.
    The dearest arms are those of highest mean cost; `quality` and `cost` are [n, A]. NaN where the chosen quality is
    unknown. Any wrong pick scores 1, so read it together with `selection_entropy`. As ORBIT defines it.

    >>> rci([[1, 1], [1, 1], [0, 1]], [[1, 9], [1, 9], [1, 9]], choice=[0, 1, 1]).tolist()
    [0.0, 1.0, 0.0]
    """
    quality, cost, choice = np.asarray(quality, np.float64), np.asarray(cost, np.float64), np.asarray(choice)
    known = ~np.isnan(cost)
    mean_cost = np.nan_to_num(cost).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    dearest = mean_cost == mean_cost.max()  # (A,)
    best = quality == np.fmax.reduce(quality, axis=1, keepdims=True)  # (n, A)
    cheaper_would_do = (best & ~dearest).any(axis=1)
    needless = dearest[choice] & cheaper_would_do
    right = hit(quality, choice)
    return np.where(np.isnan(right), np.nan, np.where(needless, 1.0, 1.0 - right))


def selection_entropy(choice: ArrayLike) -> float:
    """Entropy in bits of how often each arm is chosen [n]: 0 for one arm only, log2(A) for all alike.

    >>> selection_entropy([0, 0, 1, 1])
    1.0
    """
    _, times = np.unique(np.asarray(choice), return_counts=True)
    share = times / times.sum()
    return float(share @ -np.log2(share))


def top_share(choice: ArrayLike) -> float:
    """Share of the prompts [n] that went to the arm chosen most.

    >>> top_share([0, 0, 0, 1])
    0.75
    """
    _, times = np.unique(np.asarray(choice), return_counts=True)
    return float(times.max() / times.sum())


def prediction_entropy(predicted: ArrayLike) -> float:
    """Mean entropy in bits of the softmax of each prompt's predicted scores [n, A]: RouterEval's E_p.

    Scores that are probabilities stay close to the maximum, log2(A), whatever they say.

    >>> prediction_entropy([[0.3, 0.3, 0.3, 0.3]])
    2.0
    """
    score = np.asarray(predicted, np.float64)
    score = score - score.max(axis=1, keepdims=True)
    total = np.exp(score).sum(axis=1, keepdims=True)
    bits = np.exp(score) / total * (np.log(total) - score) / np.log(2)
    return float(bits.sum(axis=1).mean())
