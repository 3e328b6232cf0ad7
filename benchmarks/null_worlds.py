"""How often does a router look worth it where there is nothing to learn? Prints JSON.

    python -m benchmarks.null_worlds [--worlds 200] [--only knn,logistic]

In a null world outcomes have nothing to do with prompts: three arms, equal ones in every third world; in every other
world they have prices, which tell nothing either. Every closed-form router that learns from outcomes is trained on 160
prompts, its knob is calibrated on 40, and `evaluate`'s verdict is asked about 200. The verdict tests at 5 %: of 200
worlds it may say "route" in 18 at most, the 99 % bound of a 5 % rule.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from scipy.stats import binom

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.costing import Costing
from anabranch.routers.estimators.estimator import ClosedForm
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import Recipe, recipe_of
from anabranch.routers.registry import ROUTERS
from anabranch.routers.router import Estimate, Router
from anabranch.routers.run import estimate_batches
from anabranch.training.calibrate import Target, calibrate, fitted_policy
from anabranch.training.examples import examples_of
from anabranch.training.fit import default_policy
from anabranch.training.ground import lay_ground
from anabranch.training.metrics.curve import bootstrap_curve
from anabranch.training.paired import Paired
from anabranch.training.prepared import costing_of
from anabranch.training.recall import recalled
from anabranch.training.verdict import ALPHA, verdict
from benchmarks.leaderboard.learn import DRAWN

MEANS = ((0.6, 0.6, 0.6), (0.6, 0.55, 0.5), (0.7, 0.4, 0.3))
PRICES = (3e-3, 2e-3, 1e-3)
SPLITS = {"train": 160, "validation": 40, "test": 200}
WIDTH = 8
REPLICATES = 1000


def fast_rows() -> Iterator[str]:
    """Rows that can be trained in a moment, and whose decisions are no draws."""
    for name in sorted(ROUTERS):
        recipe = recipe_of(name)
        plain = issubclass(recipe.estimator, ClosedForm) and recipe.estimator.learns_from == "outcomes"
        if plain and recipe.samples == (1,) and recipe.policy not in DRAWN:
            yield name


def null_world(seed: int) -> tuple[dict[str, Outcomes], Floats]:
    """The splits' outcomes, and embeddings [N, 8] of all prompts."""
    rng, prompts = np.random.default_rng(seed), sum(SPLITS.values())
    quality = rng.uniform(size=(prompts, 3)) < np.array(MEANS[seed % 3])
    names = np.repeat(list(SPLITS), list(SPLITS.values()))
    table = Outcomes.from_arrays(
        ["a", "b", "c"],
        quality,
        cost_usd=np.tile(PRICES, (prompts, 1)) if seed % 2 else None,
        splits=names.tolist(),
    )
    return {name: table.split(name) for name in SPLITS}, rng.normal(size=(prompts, WIDTH)).astype(np.float32)


def said_of(name: str, seed: int) -> str:
    """The verdict's word on a row in one world."""
    splits, embedding = null_world(seed)
    train, validation, test = (splits[split] for split in SPLITS)
    row = {text: number for number, text in enumerate([*train.texts, *validation.texts, *test.texts])}
    costing, recipe = costing_of(train, None), recipe_of(name)
    batch = examples_of(train, None, costing.usage_kind, lambda texts: embedding[[row[t] for t in texts]], ("all",))
    estimator = recipe.build(WIDTH, 3)
    estimator.observe(batch.batch(list(range(len(train))))[0])
    estimator.finalise()
    said = estimate_batches(estimator.eval(), embedding, None)
    router = _router(name, recipe, costing, train.arms, recalled(list(row), said))
    router = replace(router, policy=fitted_policy(router, train, validation))
    router = router.at(calibrate(router, validation, Target("best-single")).tradeoff)
    paired = Paired.draw(len(test), REPLICATES, seed)
    ground = lay_ground(test, train, paired)
    curve = bootstrap_curve(paired.counts, test.quality, ground.cost, router.decide(test.texts).arm[:, None])
    cost = None if curve.cost_usd is None else curve.cost_usd[:, 0]
    return verdict(curve.quality[:, 0], cost, ground.bar, paired).word


def _router(name: str, recipe: Recipe, costing: Costing, arms: tuple[str, ...], estimate: Estimate) -> Router:
    policy = default_policy(recipe, costing, len(arms))
    settings = dict(recipe.policy_settings) if policy == recipe.policy else {}
    return Router(name, arms, estimate, costing, load_policy(policy, settings), 1.0, recipe.estimator.quality_kind)


def main() -> None:
    """All rows in all worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--only", default=",".join(fast_rows()), help="registry names, separated by commas")
    given = parser.parse_args()
    torch.set_num_threads(1)
    most = int(binom.ppf(0.99, given.worlds, ALPHA))
    rows = []
    for name in given.only.split(","):
        words: Counter[str] = Counter()
        for seed in range(given.worlds):
            try:
                words[said_of(name, seed)] += 1
            except ValueError as error:  # e.g. a method that cannot do without costs
                words[f"refused: {str(error)[:60]}"] += 1
        rows.append({"row": name, **words, "within_limit": words["route"] <= most})
    print(json.dumps({"worlds": given.worlds, "most_routes": most, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
