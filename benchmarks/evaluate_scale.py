"""How long an evaluation takes: 8 routers x 36,000 prompts x 11 arms, 1,000 bootstrap replicates; prints JSON.

    python benchmarks/evaluate_scale.py

Limits: 10 s and 2 GB on two cores. The whole of `evaluate` is timed: decisions along 41 trade-offs, baselines, curves,
areas, task rows, calibration and verdicts, each with paired intervals; estimating is not, as it is the routers'.
"""

import json
import resource
import time
from collections.abc import Sequence

import numpy as np

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.router import Router
from anabranch.training.evaluate import evaluate

PROMPTS, ARMS, ROUTERS, REPLICATES = 36_000, 11, 8, 1_000
LIMIT_S, LIMIT_GB = 10.0, 2.0


def world(seed: int) -> tuple[Outcomes, Floats]:
    """Outcomes [N, A] whose quality and cost differ by arm and prompt, and the true expected quality."""
    rng = np.random.default_rng(seed)
    skill = np.linspace(0.3, 0.8, ARMS) + 0.2 * rng.standard_normal((PROMPTS, ARMS))
    expected = skill.clip(0.02, 0.98)
    price = np.geomspace(1e-4, 1e-2, ARMS) * rng.lognormal(0.0, 0.3, (PROMPTS, ARMS))
    table = Outcomes.from_arrays(
        [f"arm-{arm}" for arm in range(ARMS)],
        (rng.random((PROMPTS, ARMS)) < expected).astype(np.float32),
        cost_usd=price,
        tasks=[f"task-{row % 20}" for row in range(PROMPTS)],
    )
    return table, expected


def router(name: str, quality: Floats, cost_usd: Floats, tradeoff: float) -> Router:
    """A router with ready-made estimates."""
    spread = np.zeros_like(quality)

    def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        return Estimates(quality, cost_usd, spread)

    arms = tuple(f"arm-{arm}" for arm in range(ARMS))
    policy = ArgmaxUtility(scale_usd=float(cost_usd.mean(axis=0).max()))
    return Router(name, arms, estimate, Costing("cost_usd"), policy, tradeoff, "calibrated")


def noisy(expected: Floats, scale: float, rng: np.random.Generator) -> Floats:
    """Estimates that miss the truth by Gaussian noise."""
    return (expected + scale * rng.standard_normal(expected.shape)).clip(0, 1)


def main() -> None:
    test, expected = world(0)
    rng = np.random.default_rng(1)
    routers = [
        router(f"router-{i}", noisy(expected, 0.05 * i, rng), test.cost_usd, tradeoff=0.9 + i / 100)
        for i in range(ROUTERS)
    ]
    start = time.perf_counter()
    report = evaluate(routers, test, test, labels="synthetic", replicates=REPLICATES)
    seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    figures = {
        "prompts": PROMPTS,
        "arms": ARMS,
        "routers": len(report.routers),
        "replicates": REPLICATES,
        "seconds": round(seconds, 2),
        "peak_gb": round(peak_gb, 2),
        "share_of_time_limit": round(seconds / LIMIT_S, 3),
        "share_of_memory_limit": round(peak_gb / LIMIT_GB, 3),
        "within_limits": seconds <= LIMIT_S and peak_gb <= LIMIT_GB,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
