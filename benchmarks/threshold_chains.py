"""How long threshold chains take over 36,000 prompts x 11 models: a sweep, a curve, a fit; prints JSON.

    python benchmarks/threshold_chains.py

Limit: 2 s for a sweep of 100 settings of all 10 thresholds on one core. The curve holds every threshold of a chain of
two, the fit is the best pair of thresholds of a chain of three under a budget.
"""

import json
import os
import resource
import time

import numpy as np

from anabranch.training.replay.chain_fit import fit_thresholds
from anabranch.training.replay.chain_replay import Calls, sweep
from anabranch.training.replay.two_stage import two_stage_curve

PROMPTS, MODELS, SETTINGS = 36_000, 11, 100
LIMIT_S = 2.0


def world(seed: int) -> Calls:
    """Models, each dearer and better than the one before; confidence says something about quality."""
    rng = np.random.default_rng(seed)
    ease = rng.standard_normal((PROMPTS, 1))
    expected = 1 / (1 + np.exp(-ease - np.linspace(-1.0, 2.0, MODELS)))
    price = np.geomspace(1e-4, 1e-2, MODELS) * rng.lognormal(0.0, 0.3, (PROMPTS, MODELS))
    confidence = (expected + 0.1 * rng.standard_normal(expected.shape)).astype(np.float32)
    return Calls(confidence.astype(np.float64), (rng.random(expected.shape) < expected).astype(np.float64), price)


def main() -> None:
    calls = world(0)
    outcomes, two, three = (calls.chain(places) for places in (range(MODELS), (0, 10), (0, 5, 10)))
    shares = np.linspace(0.0, 1.0, SETTINGS)
    thresholds = np.stack([np.quantile(column, shares) for column in outcomes.confidence.T], axis=1)
    budget = 0.3 * float(calls.cost_usd[:, 10].mean())

    times = [time.process_time()]
    swept = sweep(outcomes, thresholds)
    times.append(time.process_time())
    curve = two_stage_curve(two)
    times.append(time.process_time())
    fitted = fit_thresholds(three, budget)
    times.append(time.process_time())

    seconds, curve_s, fit_s = np.diff(times)
    figures = {
        "prompts": PROMPTS,
        "models": MODELS,
        "settings": len(swept.quality),
        "sweep_s": round(seconds, 3),
        "two_stage_curve_s": round(curve_s, 3),
        "two_stage_thresholds": len(curve.threshold),
        "three_stage_fit_s": round(fit_s, 3),
        "three_stage_share_of_budget": round(fitted.cost_usd / budget, 4),
        "threads": os.environ.get("OMP_NUM_THREADS", "unset"),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
        "share_of_time_limit": round(seconds / LIMIT_S, 3),
        "within_limits": bool(seconds <= LIMIT_S),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
