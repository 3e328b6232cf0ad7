"""Train a router: labels in, RUN folder out.

anabranch train knn --labels LABELS --out RUN
anabranch train mlp --labels LABELS --out RUN --hidden 512 --seed 1
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from anabranch.data.outcomes import Outcomes
from anabranch.data.prices import read_prices
from anabranch.data.routing_text import ROUTING_TEXT_VERSION
from anabranch.routers.built import calibration_of
from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.costing import Costing
from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.recipe import Recipe, recipe_of, settings_of
from anabranch.routers.run import Run, estimate_batches
from anabranch.routers.settings import CostingSettings, PolicySettings, RouterSettings
from anabranch.training.calibrate import Target, settle
from anabranch.training.examples import Embedder, Examples, cached_embedder, examples_of
from anabranch.training.prepared import Prepared, costing_of, prepare, refuse_unknown_votes, warn_of_collisions
from anabranch.training.provenance import provenance_of, write_run
from anabranch.training.trainer import Tracker, TrainerOptions, train_estimator


def fit(
    labels: Path,
    out: Path,
    recipe: str = "knn",
    settings: Mapping[str, Any] | None = None,
    *,
    models: Sequence[str] | None = None,
    encoder: str = "minilm",
    encoder_options: Mapping[str, Any] | None = None,
    policy: str | None = None,
    target: str = "best-single",
    calibration: str = "none",
    prices: Path | None = None,
    validation_share: float = 0.15,
    seed: int = 0,
    cache: Path | None = None,
    tracker: Tracker = "offline",
    progress: bool = True,
) -> Run:
    """Train a router and write its RUN folder.

    Args:
        labels: label-set folder.
        out: RUN folder to write; an existing run is not overwritten.
        recipe: registry name, or `package.module:Class`.
        settings: the recipe's own settings.
        models: the pool; every model with labels if None.
        encoder: registry name, folder, or hub id of a sentence encoder.
        encoder_options: its options, e.g. max_tokens.
        policy: registry name; if None the recipe's own, or threshold-pair for two arms without costs.
        target: what the trade-off is calibrated to on the validation split, see `Target`.
        calibration: platt, isotonic, temperature or none: the map that makes expected quality of the router's
            estimates. It is fitted on the validation split, which then chooses the trade-off as well (and before both
            the best epoch): what the split says of the trade-off is a little too good by as much as the map fits
            its noise. Test prompts decide nothing either way.
        prices: price table in LiteLLM's format; costs then come from tokens at these prices.
        validation_share: share of train that calibrates, where the labels name no validation split.
        seed: of splits, initial weights, shuffling and draws.
        cache: folder of the embedding cache; below ~/.cache/anabranch if None.
        tracker: Weights & Biases offline, online or disabled; a CSV log is always written.
        progress: show progress bars.

    Raises:
        ValueError: the labels, names or settings break a rule; the message says which.
    """
    if (out / "run.json").exists():
        raise ValueError(f"{out} already holds a run: name another folder, or remove it first")
    aim = Target.parse(target)
    chosen = _with_seed(recipe, settings or {}, seed)
    method = recipe_of(recipe, chosen)
    prepared = prepare(labels, models, method.samples, validation_share=validation_share, seed=seed)
    if method.estimator.learns_from == "preferences":
        refuse_unknown_votes(prepared.label_set, models)
    # refused here rather than after hours of training
    quality_map = calibration_of(method.estimator, len(prepared.outcomes.arms), calibration)
    costing = costing_of(prepared.train, read_prices(prices) if prices else None)
    text_encoder = load_encoder(encoder, **(encoder_options or {}))
    warn_of_collisions(text_encoder.tokens, prepared.train.texts)
    embedder = cached_embedder(text_encoder, cache, progress)

    options = TrainerOptions(out / "logs", seed, tracker, progress, {"recipe": recipe, "encoder": encoder, **chosen})
    estimator, losses = _learn(method, prepared, costing, text_encoder, embedder, options)
    # what an encoder embeds after it has learnt is not in the cache
    source = None if estimator.trains_encoder else embedder
    if quality_map is not None:
        estimator = _calibrated(estimator, quality_map, prepared.validation, text_encoder, source)
    settled = RouterSettings(
        recipe=recipe,
        recipe_settings=chosen,
        arms=prepared.outcomes.arms,
        encoder=encoder,
        encoder_options=dict(encoder_options or {}),
        routing_text_version=ROUTING_TEXT_VERSION,
        costing=CostingSettings(**asdict(costing)),
        policy=_uncalibrated(policy, method, costing, len(prepared.outcomes.arms), aim),
        calibration=calibration,
        **_facts(text_encoder, estimator),
    )
    run = Run(settled, provenance_of(prepared, seed), text_encoder, estimator)
    run, calibrated = settle(run, prepared.train, prepared.validation, aim, source)
    write_run(run, out, prepared, {**losses, **asdict(calibrated)})
    return run


def _facts(encoder: Encoder, estimator: Estimator) -> dict[str, Any]:
    """What the trained parts say of themselves."""
    return {
        "encoder_fingerprint": encoder.fingerprint,
        "encoder_trained": estimator.trains_encoder,
        "width": encoder.width,
        "quality_kind": estimator.quality_kind,
        "reads_tradeoff": estimator.reads_tradeoff,
    }


def _learn(
    method: Recipe,
    prepared: Prepared,
    costing: Costing,
    encoder: Encoder,
    embedder: Embedder,
    options: TrainerOptions,
) -> tuple[Estimator, dict[str, float]]:
    """A trained estimator and what its training reports; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        estimator = method.build(encoder.width, len(prepared.outcomes.arms))

        tasks = prepared.train.task_names

        def examples(table: Outcomes) -> Examples:
            votes = prepared.votes(table) if estimator.learns_from == "preferences" else None
            source = encoder.tokens if estimator.trains_encoder else embedder
            return examples_of(table, votes, costing.usage_kind, source, tasks)

        train, validation = examples(prepared.train), examples(prepared.validation)
        return estimator, train_estimator(encoder, estimator, train, validation, options)


def _calibrated(
    estimator: Estimator, quality_map: Calibration, validation: Outcomes, encoder: Encoder, embedder: Embedder | None
) -> Estimator:
    """The estimator with a map around it that was fitted on the validation prompts."""
    embedding = embedder(validation.texts) if embedder else embed(encoder, validation.texts)
    estimated = estimate_batches(estimator, embedding, None).quality
    quality_map.fit(torch.from_numpy(estimated), torch.tensor(validation.quality))
    return Calibrated(estimator, quality_map).eval()


def _with_seed(recipe: str, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return ({"seed": seed} if "seed" in settings_of(recipe) else {}) | dict(settings)


def _uncalibrated(policy: str | None, method: Recipe, costing: Costing, arms: int, aim: Target) -> PolicySettings:
    pair_without_cost = arms == 2 and costing.usage_kind == "unknown" and method.policy == "argmax-utility"
    name = policy or ("threshold-pair" if pair_without_cost else method.policy)
    settings = dict(method.policy_settings) if name == method.policy else {}
    return PolicySettings(name=name, settings=settings, tradeoff=1.0, target=str(aim))
