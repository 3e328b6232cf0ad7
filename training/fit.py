"""Train a router: labels in, RUN folder out.

anabranch train knn --labels LABELS --out RUN
anabranch train mlp --labels LABELS --out RUN --hidden 512 --seed 1
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.prices import read_prices
from anabranch.data.routing_text import ROUTING_TEXT_VERSION
from anabranch.routers.built import calibration_of
from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.costing import Costing
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.encoders.tokens import Tokens
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.recipe import Recipe, recipe_of, settings_of
from anabranch.routers.run import Run
from anabranch.routers.settings import CostingSettings, PolicySettings, Provenance, RouterSettings
from anabranch.training.calibrate import Target, refuse_misuse, settle
from anabranch.training.examples import Embedder, Examples, cached_embedder, examples_of
from anabranch.training.fit_options import FitOptions
from anabranch.training.prepared import Prepared, costing_of, prepare, refuse_unknown_votes, warn_of_collisions
from anabranch.training.provenance import provenance_of, write_run
from anabranch.training.recall import recalled
from anabranch.training.trainer import TrainerOptions, train_estimator


def fit(
    labels: Path,
    out: Path,
    recipe: str = "knn",
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Train a router and write its RUN folder.

    Args:
        labels: label-set folder.
        out: RUN folder to write; an existing run is not overwritten.
        recipe: registry name, or `package.module:Class`.
        settings: the recipe's own settings.
        options: fields of `FitOptions`.

    Raises:
        ValueError: the labels, names or settings break a rule; the message says which.
    """
    refuse_overwriting(out)
    given = router_options(options)
    chosen = _with_seed(recipe, settings or {}, given.seed)
    method = recipe_of(recipe, chosen)
    prepared = prepare(labels, given.models, method.samples, validation_share=given.validation_share, seed=given.seed)
    if method.estimator.learns_from == "preferences":
        refuse_unknown_votes(prepared.label_set, given.models)
    return fit_prepared(prepared, out, recipe, chosen, given)


def fit_prepared(
    prepared: Prepared,
    out: Path,
    recipe: str,
    settings: Mapping[str, Any],
    given: FitOptions,
    unseen: Estimates[Floats] | None = None,
) -> Run:
    """Train a router on prompts that are read and split, and write its RUN folder.

    Args:
        prepared: who trains, who calibrates.
        out: RUN folder to write.
        recipe: registry name, or `package.module:Class`.
        settings: the recipe's own settings.
        given: how.
        unseen: cross-fitted estimates [N, A] of the N validation prompts, if those train as well (`Prepared.pooled`);
            these then calibrate.

    Raises:
        ValueError: as `fit`.
    """
    aim, method = Target.parse(given.target), recipe_of(recipe, settings)
    costing = costing_of(prepared.train, read_prices(given.prices) if given.prices else None)
    text_encoder = load_encoder(given.encoder, **(given.encoder_options or {}))
    warn_of_collisions(text_encoder.tokens, prepared.train.texts)
    embedder = cached_embedder(text_encoder, given.cache, given.progress)
    draft = RouterSettings(
        recipe=recipe,
        recipe_settings=dict(settings),
        arms=prepared.outcomes.arms,
        encoder=given.encoder,
        encoder_options=dict(given.encoder_options or {}),
        routing_text_version=ROUTING_TEXT_VERSION,
        costing=CostingSettings(**asdict(costing)),
        policy=_uncalibrated(given.policy, method, costing, len(prepared.outcomes.arms), aim),
        calibration=given.calibration,
        **_facts(text_encoder, method.estimator),
    )
    kind = method.estimator.quality_kind if given.calibration == "none" else "calibrated"
    refuse_misuse(draft.policy.name, method.policy, kind, aim)  # here as well, so that no training is in vain
    config = {"recipe": recipe, "encoder": given.encoder, **settings}
    options = TrainerOptions(out / "logs", given.seed, given.tracker, given.progress, config)
    run, losses = learn(draft, provenance_of(prepared, given.seed), prepared, text_encoder, embedder, options)
    router = run.router("", embedder_of(run, embedder))
    if unseen is not None:
        router = replace(router, estimate=recalled(prepared.validation.texts, unseen))
    run, calibrated = settle(run, router, prepared.train, prepared.validation, aim)
    write_run(run, out, prepared, {**losses, **asdict(calibrated)}, unseen)
    return run


def refuse_overwriting(out: Path) -> None:
    """Refuse a folder that holds a run, before any work.

    Raises:
        ValueError: it does.
    """
    if (out / "run.json").exists():
        raise ValueError(f"{out} already holds a run: name another folder, or remove it first")


def router_options(options: Mapping[str, Any]) -> FitOptions:
    """The options of a router's training.

    Raises:
        ValueError: one is only for cascades.
    """
    given = FitOptions(**options)
    if given.answers is not None:
        raise ValueError(f"answers={given.answers!r} is for cascades, which compare answers; a router sees none")
    if given.most_usd is not None:
        raise ValueError(
            f"most_usd={given.most_usd:g} is for cascades, which may call several models for a prompt; a router calls "
            "one: --policy budget-cap keeps that one within a cap"
        )
    return given


def refuse_promises(aim: Target, calibration: str = "none") -> None:
    """Refuse what needs prompts that the router has not seen, where all prompts train it.

    Raises:
        ValueError: a risk is to be kept, or a map to be fitted.
    """
    asked = "a risk can be promised" if aim.kind == "risk" else f"calibration {calibration!r} can be fitted"
    if aim.kind == "risk" or calibration != "none":
        raise ValueError(f"{asked} only on prompts that are held out, and auto holds none out: train `stack` instead")


def learn(
    draft: RouterSettings,
    provenance: Provenance,
    prepared: Prepared,
    encoder: Encoder,
    embedder: Embedder,
    options: TrainerOptions,
) -> tuple[Run, dict[str, float]]:
    """A trained router that is not settled yet, and what its training reports.

    The caller's random state is left as it was.

    Args:
        draft: what to train; its facts about trained parts are filled in anew.
        provenance: of the run.
        prepared: who trains, and who chooses epochs and fits the calibration.
        encoder: learns along if the estimator trains it.
        embedder: the encoder as it is now, e.g. through a cache.
        options: of the trainer.

    Raises:
        ValueError: no such recipe, setting or calibration, or the labels do not suit the recipe.
    """
    method = recipe_of(draft.recipe, draft.recipe_settings)
    quality_map = calibration_of(method.estimator, len(draft.arms), draft.calibration)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        estimator = method.build(encoder.width, len(draft.arms))
        train, validation = (
            _examples(table, prepared, draft, estimator, encoder.tokens if estimator.trains_encoder else embedder)
            for table in (prepared.train, prepared.validation)
        )
        losses = train_estimator(encoder, estimator, train, validation, options)
    run = Run(draft.model_copy(update=_facts(encoder, estimator)), provenance, encoder, estimator)
    if quality_map is not None:
        run = _calibrated(run, quality_map, prepared.validation, embedder_of(run, embedder))
    return run, losses


def embedder_of(run: Run, embedder: Embedder) -> Embedder | None:
    """The embedder if it still is the run's encoder; None if that has learnt since, as no cache knows it."""
    return None if run.settings.encoder_trained else embedder


def _facts(encoder: Encoder, estimator: Estimator | type[Estimator]) -> dict[str, Any]:
    """What the parts say of themselves."""
    return {
        "encoder_fingerprint": encoder.fingerprint,
        "encoder_trained": estimator.trains_encoder,
        "width": encoder.width,
        "quality_kind": estimator.quality_kind,
        "reads_tradeoff": estimator.reads_tradeoff,
    }


def _examples(
    table: Outcomes, prepared: Prepared, draft: RouterSettings, estimator: Estimator, source: Embedder | Tokens
) -> Examples:
    votes = prepared.votes(table) if estimator.learns_from == "preferences" else None
    return examples_of(table, votes, draft.costing.usage_kind, source, prepared.train.task_names)


def _calibrated(run: Run, quality_map: Calibration, validation: Outcomes, embedder: Embedder | None) -> Run:
    """The run with a map around its estimator that was fitted on the validation prompts."""
    estimates, _ = run.router("", embedder).estimates(validation.texts, 1.0)
    quality_map.fit(torch.from_numpy(estimates.quality), torch.tensor(validation.quality))
    estimator = Calibrated(run.estimator, quality_map).eval()
    return replace(run, estimator=estimator, settings=run.settings.model_copy(update=_facts(run.encoder, estimator)))


def _with_seed(recipe: str, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return ({"seed": seed} if "seed" in settings_of(recipe) else {}) | dict(settings)


def default_policy(method: Recipe, costing: Costing, arms: int) -> str:
    """The recipe's own policy, or threshold-pair for two arms without costs."""
    pair_without_cost = arms == 2 and costing.usage_kind == "unknown" and method.policy == "argmax-utility"
    return "threshold-pair" if pair_without_cost else method.policy


def _uncalibrated(policy: str | None, method: Recipe, costing: Costing, arms: int, aim: Target) -> PolicySettings:
    name = policy or default_policy(method, costing, arms)
    settings = dict(method.policy_settings) if name == method.policy else {}
    return PolicySettings(name=name, settings=settings, tradeoff=1.0, target=str(aim))
