"""How sure an answer looks, by its tokens' log-probabilities: what is recorded of them, and the signals read from that.

Collection, replay and serving all go through here, so that a threshold fitted offline means the same online. Which
quantiles are kept is our choice; that quantiles say more than sum and mean is after Gupta et al. 2024, arXiv
2404.10136.
"""

from collections.abc import Mapping, Sequence
from math import isfinite, isnan, nan
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anabranch.data.confidence import logprob_mean, logprob_min, logprob_quantile

Value = TypeVar("Value", float, NDArray[np.float64])

PERCENTS = (*range(11), *range(20, 101, 10))
"""The quantiles that are kept, in percent: close together where the doubtful tokens are."""

QUANTILES = {f"q{percent:02d}": percent / 100 for percent in PERCENTS}
"""Alpha of each by the name it is recorded under."""

RECORDED = ("tokens", "mean", "min", *QUANTILES)
"""What is kept of an answer's log-probabilities; a recording that is older may lack some."""

TOKEN_SIGNALS = ("logprob_mean", "logprob_min", "logprob_sum", "tokens", *(f"logprob_{name}" for name in QUANTILES))
"""The names of all signals."""


def token_record(logprobs: Sequence[float]) -> dict[str, float | None] | None:
    """What is kept of an answer's log-probabilities, nats; None without any.

    What is not a finite number is None: it cannot be kept, and to a policy it is as good as unknown, which is not sure.

    Args:
        logprobs: of the tokens of the answer, without special and template tokens.

    >>> record = token_record([-0.25, -0.75])
    >>> [record[name] for name in ("tokens", "mean", "min", "q00", "q50", "q100")]
    [2, -0.5, -0.75, -0.75, -0.5, -0.25]
    """
    if not logprobs:
        return None
    # in order, and so quickly put in order again for each quantile
    ranked = sorted(logprobs) if not any(map(isnan, logprobs)) else logprobs
    kept = {"mean": logprob_mean(logprobs), "min": logprob_min(logprobs)}
    kept |= {name: logprob_quantile(ranked, alpha) for name, alpha in QUANTILES.items()}
    return {"tokens": len(logprobs), **{name: value if isfinite(value) else None for name, value in kept.items()}}


def token_signals(logprobs: Sequence[float]) -> dict[str, float]:
    """The signals of an answer by name, nats and a count; those that are not known are left out.

    Rounded as a `ReplayTable` rounds them, so that a threshold that is one of its values means the same here.

    Args:
        logprobs: of the tokens of the answer, without special and template tokens.

    >>> signals = token_signals([-0.25, -0.75])
    >>> [signals[name] for name in ("logprob_mean", "logprob_min", "logprob_sum", "tokens")]
    [-0.5, -0.75, -1.0, 2.0]
    >>> [signals[name] for name in ("logprob_q00", "logprob_q50", "logprob_q100")]
    [-0.75, -0.5, -0.25]
    """
    record = token_record(logprobs) or {}
    read = signals_of_record({name: nan if value is None else float(value) for name, value in record.items()})
    return {name: float(np.float32(value)) for name, value in read.items() if not isnan(value)}


def signals_of_record(record: Mapping[str, Value]) -> dict[str, Value]:
    """The signals by name of what was kept of an answer, or of many as arrays; NaN is unknown.

    Args:
        record: values of names of `RECORDED`; what is not there becomes no signal.

    >>> signals_of_record({"tokens": 2.0, "mean": -0.5})
    {'tokens': 2.0, 'logprob_mean': -0.5, 'logprob_sum': -1.0}
    """
    named = {name if name == "tokens" else f"logprob_{name}": value for name, value in record.items()}
    if {"tokens", "mean"} <= set(record):
        named["logprob_sum"] = record["mean"] * record["tokens"]
    return named
