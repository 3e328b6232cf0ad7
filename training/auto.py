"""Choose a router on the train split alone, or none: `anabranch train auto`.

The candidate is a stack of recipes and settings (`routers/estimators/stack.py`), which does its own choosing inside:
weights, and how careful to be on unfamiliar prompts. Nested cross-validation tells what that whole procedure is worth:
the train prompts are left out a fold at a time, the stack is fitted on the others, its inner folds included, and
decides the fold it has not seen. One comparison, named before it is run, gives the word: the stack against the best
mix of single arms at the same mean cost, averaged over the knob (without costs: against the best single arm, at the
quality end). Its members are shown beside it and decide nothing.

    route              the one-sided 95 % bound of the gain is above 0
    do not route, not enough data    it is not; see `training/verdict.py`

The RUN holds the stack if its estimated gain is above 0, whatever the word: it is then the best guess, not yet a
finding. It is fitted on every prompt outside the test split; the estimates of the cross-validation set its knob, so no
prompt is held out for that. Otherwise the RUN holds the `zero` router, which never reads the prompt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.prices import read_prices
from anabranch.data.text_keys import near_duplicate_groups
from anabranch.routers.costing import Costing
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.stack import Stack
from anabranch.routers.policies.policy import Policy
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import recipe_of
from anabranch.routers.router import Router
from anabranch.routers.run import Run
from anabranch.training.calibrate import Target, fitted_policy
from anabranch.training.choices import knobs_of, try_out
from anabranch.training.examples import cached_embedder, examples_of
from anabranch.training.fit import default_policy, fit_prepared, refuse_overwriting, refuse_promises, router_options
from anabranch.training.fit_options import FitOptions
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.metrics.curve import bootstrap_curve
from anabranch.training.paired import Paired
from anabranch.training.prepared import Prepared, costing_of, prepare
from anabranch.training.progress import training_progress
from anabranch.training.recall import recalled
from anabranch.training.report.contents import Interval
from anabranch.training.verdict import ALPHA, word_of

Doubles = NDArray[np.float64]

KNOBS = 41
FOLDS = 5
REPLICATES = 1000


@dataclass(frozen=True)
class Candidate:
    """What a router is worth on train prompts that it had not seen.

    Args:
        name: of a member of the stack, or stack.
        quality: mean quality at the quality end of the knob.
        gain: quality over the best mix of single arms at the same mean cost, averaged over the knob; 90 % interval,
            whose lower end is the one-sided 95 % bound.
        brier: mean squared error of the estimated quality.
    """

    name: str
    quality: Interval
    gain: Interval
    brier: float


@dataclass(frozen=True)
class Finding:
    """The word, and what it rests on.

    Args:
        word: route, do not route, or not enough data.
        best_single: the best arm for all prompts, and its mean quality.
        candidates: the stack first, then its members, best gain first.
        prompts: train prompts that were left out once each.
    """

    word: str
    best_single: tuple[str, float]
    candidates: tuple[Candidate, ...]
    prompts: int


def auto(labels: Path, out: Path, settings: Mapping[str, Any] | None = None, **options: Any) -> tuple[Run, Finding]:
    """Cross-validate the stack and write the RUN that the finding calls for.

    Args:
        labels: label-set folder.
        out: RUN folder to write.
        settings: of the stack.
        options: fields of `FitOptions`; `validation_share` counts only where the stack is not worth writing.

    Raises:
        ValueError: as `fit`, or an option needs prompts that are held out.
    """
    refuse_overwriting(out)
    given = router_options(options)
    refuse_promises(Target.parse(given.target), given.calibration)
    chosen = {"seed": given.seed} | dict(settings or {})
    held_out = prepare(labels, given.models, (1,), validation_share=given.validation_share, seed=given.seed)
    pooled = held_out.pooled()
    finding, unseen = find(pooled, chosen, given)
    if finding.candidates[0].gain.value > 0:
        return fit_prepared(pooled, out, "stack", chosen, given, unseen), finding
    return fit_prepared(held_out, out, "zero", {}, given), finding


def find(prepared: Prepared, settings: Mapping[str, Any], given: FitOptions) -> tuple[Finding, Estimates[Floats]]:
    """Nested cross-validation of the stack, and its estimates of every prompt that was left out once.

    Args:
        prepared: N train prompts, A arms.
        settings: of the stack.
        given: encoder, policy, prices, seed, cache and progress count.

    Returns:
        tuple[Finding, Estimates[Floats]]: the word with what it rests on, and estimates [N, A].

    Raises:
        ValueError: a setting, an encoder or a price is not known.
    """
    costing = costing_of(prepared.train, read_prices(given.prices) if given.prices else None)
    text_encoder = load_encoder(given.encoder, **(given.encoder_options or {}))
    embedding = cached_embedder(text_encoder, given.cache, given.progress)(prepared.train.texts)
    with training_progress("cross-validating the stack", given.progress) as shown:
        unseen = cross_validate(prepared.train, costing, embedding, settings, seed=given.seed, progress=shown)
    name = given.policy or default_policy(recipe_of("stack"), costing, len(prepared.train.arms))
    return judge(prepared.train, unseen, costing, load_policy(name, {}), seed=given.seed), unseen["stack"]


def cross_validate(
    train: Outcomes,
    costing: Costing,
    embedding: Floats,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Estimates[Floats]]:
    """Estimates [N, A] of every train prompt by the stack and its members, fitted without the prompt's fold.

    Args:
        train: N prompts.
        costing: says which usage is learnt.
        embedding: float32 [N, D].
        settings: of the stack.
        seed: of the folds.
        progress: called with how many folds are done, and of how many.
    """
    examples = examples_of(train, None, costing.usage_kind, lambda texts: embedding, train.task_names)
    whole, _ = examples.batch(list(range(len(train))))
    fold = _folds(near_duplicate_groups(train.texts), seed)
    names = ["stack", *(_named(member) for member in Stack(embedding.shape[1], len(train.arms), **settings).recipes)]
    empty = np.full((3, *train.quality.shape), np.nan, np.float32)
    unseen = {name: Estimates(*empty.copy()) for name in names}
    for number in range(FOLDS):
        out = torch.from_numpy(fold == number)
        stack = _fitted(Stack(embedding.shape[1], len(train.arms), **settings), whole, ~out)
        with torch.inference_mode():
            for name, estimator in zip(names, [stack, *stack.members], strict=True):
                for part, said in zip(unseen[name], estimator(whole.embedding[out]), strict=True):
                    part[out.numpy()] = said.numpy()
        progress(number + 1, FOLDS)
    return unseen


def judge(
    train: Outcomes, unseen: Mapping[str, Estimates[Floats]], costing: Costing, policy: Policy, *, seed: int = 0
) -> Finding:
    """The finding that cross-validated estimates lead to.

    Args:
        train: N prompts, A arms.
        unseen: estimates [N, A] a candidate, of prompts it had not seen; `stack` is the one that is judged.
        costing: usage to USD.
        policy: as registered; its scale is fitted here, from estimates alone.
        seed: of the bootstrap.
    """
    paired = Paired.draw(len(train), REPLICATES, seed)
    ground = lay_ground(train, train, paired)
    found = [_candidate(name, said, train, costing, policy, ground) for name, said in unseen.items()]
    stack, *members = found
    members.sort(key=lambda one: -one.gain.value)
    single = float(np.nanmean(train.quality[:, ground.best].astype(np.float64)))
    word = word_of(stack.gain, len(train))
    return Finding(word, (train.arms[ground.best], single), (stack, *members), len(train))


def _candidate(
    name: str, said: Estimates[Floats], train: Outcomes, costing: Costing, policy: Policy, ground: Ground
) -> Candidate:
    router = Router(name, train.arms, recalled(train.texts, said), costing, policy, 1.0, "calibrated")
    router = replace(router, policy=fitted_policy(router, train, train))
    tried = try_out(router, train.texts, knobs_of(router, KNOBS))
    curve = bootstrap_curve(ground.paired.counts, train.quality, ground.cost, tried.choices)
    best = said.quality.argmax(axis=1)[:, None]
    top = bootstrap_curve(ground.paired.counts, train.quality, None, best).quality[:, 0].astype(np.float64)
    return Candidate(
        name=name,
        quality=ground.paired.interval(top),
        gain=ground.paired.interval(_gain(curve.quality, curve.cost_usd, ground), 1 - 2 * ALPHA),
        brier=float(np.nanmean((said.quality - train.quality) ** 2)),
    )


def _gain(quality: Doubles, cost: Doubles | None, ground: Ground) -> Doubles:
    """Quality over the mix at the same cost, averaged over the knob, in every bootstrap row: [1 + R, T] -> [1 + R]."""
    mix = ground.bar.mix
    if mix is None or cost is None:
        return np.asarray(quality[:, -1] - ground.bar.best_single, np.float64)
    over = [quality[:, t] - mix.quality_at(cost[:, t]) for t in range(quality.shape[1])]
    return np.asarray(np.mean(over, axis=0), np.float64)


def _fitted(stack: Stack, whole: Batch, rows: torch.Tensor) -> Stack:
    part = Batch(*(column[rows] for column in whole))
    stack.observe(part._replace(row=torch.arange(int(rows.sum()))))
    stack.finalise()
    return stack.eval()


def _folds(groups: Any, seed: int) -> np.ndarray:
    """A fold a prompt [N]; prompts that ask (nearly) the same share theirs."""
    _, same = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(same.max()) + 1)
    return np.asarray((order % FOLDS)[same])


def _named(member: Mapping[str, Any]) -> str:
    """`knn k=80` for a member's recipe and settings."""
    return " ".join([str(member["recipe"]), *(f"{key}={value}" for key, value in member.items() if key != "recipe")])
