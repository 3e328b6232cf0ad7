"""Arms beyond single models: best of n samples."""

from collections.abc import Sequence
from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, Outcomes


def with_arms(outcomes: Outcomes, names: Sequence[str]) -> Outcomes:
    """The arms named, in that order: each an arm of the table, or `model#n`, see `best_of`.

    Raises:
        ValueError: a name is neither, or there are too few samples for its n.

    >>> two = Outcomes.from_arrays(["m"], [[0.5]], samples=[[[0.0, 1.0]]])
    >>> with_arms(two, ["m", "m#2"]).quality.tolist()
    [[0.5, 1.0]]
    """
    if not names:
        raise ValueError(f"no arms named; arms there are: {sorted(outcomes.arms)}")
    table, *others = (_arm(outcomes, name) for name in names)
    for other in others:
        table = table.append_arms(other)
    return table


def best_of(outcomes: Outcomes, model: str, n: int) -> Outcomes:
    """The single arm `model#n`: ask a model n times and keep the best answer.

    OPTIMISTIC: the best answer is picked by a perfect verifier, the recorded quality itself. A real verifier
    picks worse; read these numbers as a ceiling.

    Quality is exact: the expectation over every draw of n of the R recorded samples without replacement.
    With samples in descending order, the i-th is the best of the draw with probability
    C(R - i, n - 1) / C(R, n) (Chen et al. 2021, arXiv 2107.03374, eq. 1, is the 0/1 case). `samples` are
    the means of R equally likely slices of that distribution, so their mean is the quality. Cost, prompt
    tokens and completion tokens are n times the recorded ones: the prompt is charged n times. Latency is
    not known. Prompts with fewer than n samples are unknown (NaN).

    Args:
        outcomes: N prompts with recorded samples.
        model: one of its arms.
        n: samples to ask for, at least 1.

    Raises:
        ValueError: the model is unknown, n is below 1, or no prompt has n samples.

    >>> three = Outcomes.from_arrays(["m"], [[1 / 3]], samples=[[[0.0, 1.0, 0.0]]])
    >>> round(float(best_of(three, "m", 2).quality[0, 0]), 3)  # 2 of the 3 pairs hold the 1
    0.667
    """
    one = outcomes.select([model])
    recorded = one.samples[:, 0]  # (N, R)
    known = (~np.isnan(recorded)).sum(axis=1)
    if n < 1 or known.max(initial=0) < n:
        most = int(known.max(initial=0))
        raise ValueError(f"{model}#{n} needs n >= 1 and n samples of a prompt; the most recorded is {most}")
    samples = _best_slices(recorded, known, n)
    enough = (known >= n)[:, None]
    return replace(
        one,
        arms=(f"{model}#{n}",),
        quality=_mean(samples),
        cost_usd=np.where(enough, one.cost_usd * n, np.nan),
        prompt_tokens=np.where(enough, one.prompt_tokens * n, np.float32(np.nan)),
        completion_tokens=np.where(enough, one.completion_tokens * n, np.float32(np.nan)),
        latency_s=np.full_like(one.latency_s, np.nan),
        samples=samples[:, None].astype(np.float32),
    )


def _arm(outcomes: Outcomes, name: str) -> Outcomes:
    model, mark, n = name.rpartition("#")
    if name in outcomes.arms or not (mark and n.isdecimal()):
        return outcomes.select([name])
    return best_of(outcomes, model, int(n))


def _best_slices(recorded: Floats, known: NDArray[np.int64], n: int) -> Floats:
    descending = -np.sort(-recorded.astype(np.float64), axis=1)  # NaN last
    samples = np.full(descending.shape, np.nan)
    for count in np.unique(known[known >= n]):
        rows = known == count
        samples[rows, :count] = descending[rows, :count] @ _slices(int(count), n).T
    return samples


def _slices(count: int, n: int) -> Floats:
    """How much of each of `count` equal slices of best-of-n each descending sample fills, [slices, samples]."""
    chances = [comb(count - i, n - 1) / comb(count, n) for i in range(1, count + 1)]
    upper = np.cumsum(chances)
    lower = upper - chances
    edge = np.arange(count)[:, None] / count
    overlap = np.minimum(upper, edge + 1 / count) - np.maximum(lower, edge)
    return np.asarray(overlap.clip(min=0) * count)


def _mean(samples: Floats) -> Floats:
    known = ~np.isnan(samples)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, samples, 0).sum(axis=1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
