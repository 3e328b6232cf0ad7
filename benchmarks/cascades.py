"""What a step of cascade routing costs; prints JSON.

    python -m benchmarks.cascades [decision]

Goals, on one thread:

    decision    the next action of cascade routing, all that `decide` does: under 0.3 ms on average at 11 models, under
                2 ms at 20, at every price, at its default depth of 5, after no call, one and two; the price 0, where
                every call is worth it and nothing can be pruned by cost, counts like any other

Times are of the processor, of each state the best of several over the whole run, so that whatever else runs disturbs
them little; data are synthetic: better models are dearer, estimates are noisy, signals are less so.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.state import Call, Candidate, State
from benchmarks.timing import best_ms

LIMIT_MS = {11: 0.3, 20: 2.0}
SIGNAL = "sure"
WARM = 2  # times in a row, after one that is not counted

Row = dict[str, Any]


def belief(models: int) -> GaussianBelief:
    """Qualities share a shock and have their own, estimates explain half of each, signals see them with noise."""
    quality = 0.01 + 0.02 * np.eye(models)
    joint = np.block([[quality, quality], [quality, quality + 0.01 * np.eye(models)]])
    slope = np.vstack([np.eye(models), np.eye(models)]) / 2
    usual = np.linspace(0.45, 0.75, models)
    return GaussianBelief(
        (SIGNAL,),
        tuple(usual.tolist()),
        (*usual.tolist(), *usual.tolist()),
        tuple(map(tuple, slope.tolist())),
        tuple(map(tuple, joint.tolist())),
    )


def states(policy: CascadeRouting, called: int, count: int) -> list[State]:
    """Prompts after `called` steps of the policy; those that it answers sooner stay where they are."""
    models = len(policy.models)
    rng = np.random.default_rng(models)
    cost, usual = np.geomspace(0.03, 1.0, models), np.linspace(0.45, 0.75, models)
    made = []
    for _ in range(count):
        quality = usual + rng.normal(0, 0.17, models)
        signals, u = quality + rng.normal(0, 0.1, models), float(rng.random())
        state = State((), quality + rng.normal(0, 0.17, models), cost, u)
        for _ in range(called):
            action = policy.decide(state)
            if isinstance(action, Call):
                state = state.after([Candidate(one, signals={SIGNAL: float(signals[one])}) for one in action.models])
        made.append(state)
    return made


def decision(
    sizes: Sequence[int] = (3, 11, 20),
    prices: Sequence[float] = (0.0, 0.03, 0.1, 0.3),
    *,
    prompts: int = 60,
    repeats: int = 12,
) -> Row:
    """Milliseconds of a decision: the mean over prompts, and the slowest."""
    cases = []
    for models, called, price in product(sizes, (0, 1, 2), prices):
        policy = CascadeRouting(tuple(range(models)), belief(models), lam=price)
        cases.append((models, called, price, policy, states(policy, called, prompts)))
    best = [[float("inf")] * prompts for _ in cases]
    for _ in range(repeats):  # all by turns, since the machine has slow spells that outlast one of them
        for case, (*_, policy, asked) in enumerate(cases):
            for at, state in enumerate(asked):
                best[case][at] = min(best[case][at], best_ms(partial(policy.decide, state), WARM))
    rows, slowest = [], dict.fromkeys(sizes, 0.0)
    for (models, called, price, *_), ms in zip(cases, best, strict=True):
        mean = sum(ms) / len(ms)
        rows.append({"models": models, "called": called, "price": price, "ms": mean, "slowest_ms": max(ms)})
        slowest[models] = max(slowest[models], mean)
    goals = {
        f"{models}_models_under_{LIMIT_MS[models]}_ms": slowest[models] < LIMIT_MS[models]
        for models in sizes
        if models in LIMIT_MS
    }
    return {"rows": rows, "goals": goals}


PARTS: dict[str, Callable[[], Row]] = {"decision": decision}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    print(json.dumps({part: PARTS[part]() for part in options.parts or PARTS}, indent=2))


if __name__ == "__main__":
    main()
