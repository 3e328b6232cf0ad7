"""Fit a cascade: recorded answers in, RUN folder out.

anabranch train frugalgpt --labels LABELS --out RUN
anabranch train model-switch --labels LABELS --out RUN --samples 5
"""

import logging
from argparse import ArgumentError
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, cast

from jsonargparse import ArgumentParser

from anabranch.data.answer_keys import answer_keys, answer_kinds
from anabranch.data.answers import AnswerKind
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable, replay_table
from anabranch.data.routing_text import ROUTING_TEXT_VERSION
from anabranch.registry import resolve
from anabranch.routers.cascade_run import CASCADE_FILE, ROUTER, CascadeRun
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.run import Run
from anabranch.routers.scorers.answer_scorer import AnswerScorer
from anabranch.training.after.registry import AFTER
from anabranch.training.calibrate import Target
from anabranch.training.cascades.beforehand import cross_fitted
from anabranch.training.cascades.budgets import model_costs
from anabranch.training.cascades.certificates import certificates_of
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.guarded import guarded, refuse_unaffordable
from anabranch.training.cascades.recipe import CascadeRecipe, Ground
from anabranch.training.cascades.registry import CASCADES
from anabranch.training.cascades.settle import settled
from anabranch.training.examples import Embedder, cached_embedder
from anabranch.training.fit import fit_prepared
from anabranch.training.fit_options import FitOptions
from anabranch.training.prepared import Prepared, prepare
from anabranch.training.progress import training_progress
from anabranch.training.provenance import provenance_of, write_splits
from anabranch.training.replay.executor import usual_cost

log = logging.getLogger(__name__)


def fit_cascade(
    labels: Path, out: Path, recipe: str, settings: Mapping[str, Any] | None = None, **options: Any
) -> CascadeRun:
    """Fit a cascade and write its RUN folder.

    Args:
        labels: label-set folder.
        out: RUN folder to write; an existing run is not overwritten.
        recipe: registry name.
        settings: the recipe's own settings.
        options: fields of `FitOptions`; the policy, its calibration and prices are not a cascade's.

    Raises:
        ValueError: the labels, names or settings break a rule, or lack what the recipe reads; the message says which.
    """
    given = FitOptions(**options)
    _refuse(out, given)
    aim, method = Target.parse(given.target), recipe_named(recipe, settings or {})
    prepared = prepare(labels, given.models, (1,), validation_share=given.validation_share, seed=given.seed)
    kind = _kind_of_answers(prepared.label_set, given.answers)
    table = _recorded(prepared, kind)
    bare = _ground(_rows(table, prepared.train.prompt_ids), given)
    refuse_unaffordable(bare, given.most_usd)
    model_costs(bare)  # refuses unknown costs before a router and a scorer learn in vain
    router = None if method.router is None else _router(method.router, prepared, out / ROUTER, given)
    ground = method.learn(replace(bare, estimates=_estimates(router, prepared, given)))
    plan = Plan(
        name=recipe,
        models=table.models,
        stops=frontier_of(guarded(method.policies(ground), ground, given.most_usd), ground),
        signals=ground.signals,
        usual_cost_usd=tuple(ground.cost_usd.tolist()),
        answers=kind,
        router=None if router is None else router.router(recipe, _embedder(router, given)),
    )
    plan, reached = settled(plan, _rows(table, prepared.validation.prompt_ids), aim)
    facts = {"recipe": recipe, "recipe_settings": asdict(cast(Any, method)), "target": str(aim)}
    run = CascadeRun(
        CascadeSettings.of(plan, certificates_of(method, ground), **facts, routing_text_version=ROUTING_TEXT_VERSION),
        provenance_of(prepared, given.seed),
        {signal.file: cast(AnswerScorer, signal.score) for signal in plan.signals if isinstance(signal, Scorer)},
        router,
    )
    write_splits(out, prepared, {"policies": len(plan.stops), **asdict(reached)})
    run.save(out)
    return run


def recipe_named(name: str, settings: Mapping[str, Any]) -> CascadeRecipe:
    """The recipe with its settings.

    Raises:
        ValueError: no such recipe or setting, or a value of the wrong type.
    """
    recipe = resolve(name, CASCADES | AFTER, "cascade")
    known = [field.name for field in fields(recipe)]
    for setting in settings:
        if setting not in known:
            raise ValueError(f"cascade {name!r} has no setting {setting!r}; its settings: {', '.join(known)}")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(recipe)
    try:
        return cast(CascadeRecipe, recipe(**parser.parse_object(dict(settings)).as_dict()))
    except ArgumentError as error:
        raise ValueError(f"settings of cascade {name!r}: {error}") from error


def _refuse(out: Path, given: FitOptions) -> None:
    """Before any work."""
    for file in (CASCADE_FILE, "run.json"):
        if (out / file).exists():
            raise ValueError(f"{out} already holds a run: name another folder, or remove it first")
    if given.prices is not None:
        raise ValueError("a cascade reads costs as recorded: run `anabranch data reprice LABELS --prices FILE` first")
    if given.policy is not None or given.calibration != "none":
        raise ValueError("policy and calibration are a router's; a cascade's policies are what its recipe fits")


def _kind_of_answers(labels: LabelSet, named: AnswerKind | None) -> AnswerKind | None:
    """How all answers are read, online too, where nobody says what a prompt asks for; None if they cannot be."""
    found = sorted(set(answer_kinds(labels).values())) if named is None else [named]
    if len(found) > 1:
        log.warning("answers of several kinds (%s) are not compared: name one with --answers", ", ".join(found))
    return found[0] if len(found) == 1 else None


def _recorded(prepared: Prepared, kind: AnswerKind | None) -> ReplayTable:
    labels = prepared.label_set
    keys = None if kind is None else answer_keys(labels, dict.fromkeys(labels.tasks, kind))
    return replay_table(labels, prepared.outcomes.arms, keys)


def _rows(table: ReplayTable, prompt_ids: tuple[str, ...]) -> ReplayTable:
    row = {prompt_id: number for number, prompt_id in enumerate(table.prompt_ids)}
    return table.take([row[prompt_id] for prompt_id in prompt_ids])


def _ground(train: ReplayTable, given: FitOptions) -> Ground:
    """What a recipe is fitted on, before anything is learnt."""
    return Ground(
        table=train,
        signals=(),
        estimates=None,
        cost_usd=usual_cost(train),
        seed=given.seed,
        encoder=given.encoder,
        encoder_options=given.encoder_options or {},
        cache=given.cache,
        progress=given.progress,
    )


def _router(recipe: str, prepared: Prepared, out: Path, given: FitOptions) -> Run:
    """The router whose estimates are read before any call, in a RUN folder of its own; its knob is never turned."""
    return fit_prepared(prepared, out, recipe, {}, replace(given, target="best-single", answers=None, most_usd=None))


def _estimates(router: Run | None, prepared: Prepared, given: FitOptions) -> Floats | None:
    if router is None:
        return None
    embedder = cached_embedder(router.encoder, given.cache, given.progress)
    with training_progress("cross-fitting the router", given.progress) as shown:
        return cross_fitted(router, prepared, embedder, seed=given.seed, progress=shown)


def _embedder(router: Run, given: FitOptions) -> Embedder | None:
    return None if router.settings.encoder_trained else cached_embedder(router.encoder, given.cache, given.progress)
