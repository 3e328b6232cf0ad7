"""How sure an answer looks: signals from class probabilities and from the log-probabilities of its tokens.

Higher is surer, but for `entropy`. What cannot be known is NaN: no classes, no tokens, or one of them NaN.
"""

from collections.abc import Sequence
from math import floor, fsum, inf, isnan, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# What rounding and a text's cut tail may leave of a sum of 1.
SUM_TOLERANCE = 1e-3


def max_probability(probabilities: ArrayLike) -> Floats:
    """The greatest class probability; probabilities [..., K] -> [...].

    Raises:
        ValueError: a probability is negative, or they do not sum to 1.

    >>> max_probability([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]]).tolist()
    [0.5, 1.0]
    """
    return _ranked(probabilities)[..., 0]


def margin(probabilities: ArrayLike) -> Floats:
    """How far the greatest class probability lies above the second; probabilities [..., K] -> [...].

    One class alone has no rival: the margin is its probability.

    Raises:
        ValueError: a probability is negative, or they do not sum to 1.

    >>> margin([0.75, 0.25, 0.0]).item()
    0.5
    """
    ranked = _ranked(probabilities)
    return ranked[..., 0] - (ranked[..., 1] if ranked.shape[-1] > 1 else 0.0)


def entropy(probabilities: ArrayLike) -> Floats:
    """Entropy in nats, lower is surer; probabilities [..., K] -> [...].

    Raises:
        ValueError: a probability is negative, or they do not sum to 1.

    >>> entropy([0.5, 0.5, 0.0]).round(4).item()
    0.6931
    """
    ranked = _ranked(probabilities)
    logs = np.log(ranked, out=np.zeros_like(ranked), where=ranked > 0)
    return np.asarray(-(ranked * logs).sum(axis=-1) + 0.0)


def divergence_from_uniform(probabilities: ArrayLike) -> Floats:
    """Kullback-Leibler divergence from equal probabilities, log K - entropy, in nats; [..., K] -> [...].

    Raises:
        ValueError: a probability is negative, or they do not sum to 1.

    >>> divergence_from_uniform([[0.5, 0.5], [1.0, 0.0]]).round(4).tolist()
    [0.0, 0.6931]
    """
    known = entropy(probabilities)
    classes = np.shape(probabilities)[-1]
    return np.asarray(np.maximum(np.log(max(classes, 1)) - known, 0.0))


def logprob_sum(logprobs: Sequence[float]) -> float:
    """Log-probability of the whole answer, nats; long answers look less sure.

    >>> logprob_sum([-0.25, -0.75])
    -1.0
    """
    return fsum(logprobs) if _all_known(logprobs) else nan


def logprob_mean(logprobs: Sequence[float]) -> float:
    """Mean log-probability of a token, nats; long answers hide a doubtful token.

    >>> logprob_mean([-0.25, -0.75])
    -0.5
    """
    return fsum(logprobs) / len(logprobs) if _all_known(logprobs) else nan


def logprob_min(logprobs: Sequence[float]) -> float:
    """Log-probability of the least likely token, nats.

    >>> logprob_min([-0.25, -0.75])
    -0.75
    """
    return float(min(logprobs)) if _all_known(logprobs) else nan


def logprob_quantile(logprobs: Sequence[float], alpha: float) -> float:
    """The alpha-quantile of the tokens' log-probabilities, with linear interpolation, nats (Gupta et al. 2024).

    At 0 it is the least likely token, at 1 the most likely; between a token that was ruled out and another it is minus
    infinity.

    Args:
        logprobs: of the tokens of the answer, without special and template tokens.
        alpha: between 0 and 1.

    Raises:
        ValueError: alpha is not between 0 and 1.

    >>> logprob_quantile([-0.25, -0.75, -1.75], 0.25)
    -1.25
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha:g}; a quantile lies between 0 and 1")
    if not _all_known(logprobs):
        return nan
    ranked = sorted(logprobs)
    place = alpha * (len(ranked) - 1)
    low = floor(place)
    start, stop = ranked[low], ranked[min(low + 1, len(ranked) - 1)]
    # a token that was ruled out lies at no finite distance from the next
    return float(start if place == low or start == -inf else start + (place - low) * (stop - start))


def _ranked(probabilities: ArrayLike) -> Floats:
    """Probabilities from greatest to least, [..., K] or [..., 1] of NaN if there are no classes; NaN rows stay NaN."""
    given = np.asarray(probabilities, np.float64)
    if given.ndim == 0:
        raise ValueError("a single number has no classes; the last axis must hold their probabilities")
    if given.shape[-1] == 0:
        return np.full((*given.shape[:-1], 1), nan)
    total = given.sum(axis=-1, keepdims=True)
    if (given < 0).any() or (np.abs(total - 1) > SUM_TOLERANCE).any():
        raise ValueError(f"class probabilities sum to {np.ravel(total)[:3]} and must sum to 1, none below 0: normalise")
    return np.asarray(np.where(np.isnan(total), nan, -np.sort(-given, axis=-1)))


def _all_known(logprobs: Sequence[float]) -> bool:
    return len(logprobs) > 0 and not any(isnan(value) for value in logprobs)
