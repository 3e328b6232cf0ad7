"""Accuracy and cost of every method, of each model alone, of a majority vote and of a router, on the same draws."""

import json
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anabranch.commands.routers import open_any
from anabranch.data.answers import AnswerKind, canonical
from anabranch.data.columns import strings
from anabranch.data.judges import JUDGES, Judge
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.registry import resolve
from anabranch.routers.router import Router
from anabranch.training.fit import fit
from anabranch.training.paired import Floats, Paired
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.pocket.questions import Question
from benchmarks.fusion_quality.arms import ENSEMBLES, NAMED, ROUTER, VOTERS, methods
from benchmarks.fusion_quality.labels import asked, collect
from benchmarks.fusion_quality.writing import Answer, answers, load
from benchmarks.leaderboard.entries import write_whole

REPLICATES = 5000
_ROUTED = f"router ({ROUTER})"
KINDS: dict[str, AnswerKind] = {"exact": "text", "numeric": "number", "multiple-choice": "mcq"}

Row = dict[str, Any]


def measured(work: Path) -> Row:
    """All rows; answers are kept below `work`, and made once."""
    labels = collect(work / "labels")
    label_set = read_labels(labels)
    outcomes = label_set.outcomes()
    train, test = outcomes.split("train"), outcomes.split("test")
    questions = asked()
    best = sorted(train.arms, key=lambda arm: -float(train.quality[:, train.arms.index(arm)].mean()))
    arms: dict[str, tuple[Floats, Floats, float]] = {
        arm: (_wide(test.quality[:, place]), _wide(test.cost_usd[:, place]), 0.0) for place, arm in enumerate(test.arms)
    }
    voters = best[:VOTERS]
    arms[f"majority of {_short(voters)}"] = (*_majority(label_set, test, questions, voters), 0.0)
    router = _router(labels, work)
    arms[_ROUTED] = (*_routed(router, test), 0.0)
    arms[f"{_ROUTED}, trade-off 1"] = (*_routed(router.at(1.0), test), 0.0)
    for size in ENSEMBLES:
        for name in methods():
            arms[f"{name}: {_short(best[:size])}"] = _fused(name, best[:size], questions, work)
    return _table(arms, best, len(train))


def _table(arms: dict[str, tuple[Floats, Floats, float]], best: Sequence[str], train: int) -> Row:
    paired = Paired.draw(len(next(iter(arms.values()))[0]), REPLICATES, 0)
    single, router = arms[best[0]][0], arms[_ROUTED][0]
    rows = [
        {
            "arm": name,
            "accuracy": asdict(paired.interval(paired.means(quality))),
            "usd_per_1000": 1000 * float(cost.mean()),
            "over_best_single": asdict(paired.interval(paired.means(quality - single))),
            "over_router": asdict(paired.interval(paired.means(quality - router))),
            "cpu_s": seconds,
        }
        for name, (quality, cost, seconds) in arms.items()
    ]
    named = f"{NAMED}: {_short(best[: ENSEMBLES[0]])}"
    return {"train": train, "test": len(single), "best": list(best), "named": named, "rows": rows}


def _fused(name: str, models: Sequence[str], questions: Sequence[Question], work: Path) -> tuple[Floats, Floats, float]:
    kept = work / "answers" / f"{name.replace(', ', '-').replace(' ', '-')}-{len(models)}.json"
    if not kept.exists():
        print(f"{name} of {_short(models)}", file=sys.stderr, flush=True)
        found, seconds = answers(methods()[name], load(models), [question.prompt for question in questions])
        rows = [{**vars(each), "written": each.written.hex()} for each in found]
        write_whole(json.dumps({"models": list(models), "seconds": seconds, "answers": rows}), kept)
    held = json.loads(kept.read_bytes())
    if held["models"] != list(models):
        raise ValueError(f"{kept} is of {held['models']}, and {list(models)} are wanted; remove it")
    found = [Answer(**{**row, "written": bytes.fromhex(row["written"])}) for row in held["answers"]]
    quality = [_score(question, each.text) for question, each in zip(questions, found, strict=True)]
    prices = [MEMBERS[model].prices for model in models]
    cost = [
        sum(
            price["input_cost_per_token"] * read + price["output_cost_per_token"] * computed
            for price, read, computed in zip(prices, each.prompt_tokens, each.computed, strict=True)
        )
        for each in found
    ]
    return _wide(quality), _wide(cost), held["seconds"]


def _score(question: Question, text: str) -> float:
    judge: Judge = resolve(question.judge, JUDGES, "judge")
    return judge.score(text, question.reference)


def _majority(
    labels: LabelSet, test: Outcomes, questions: Sequence[Question], voters: Sequence[str]
) -> tuple[Floats, Floats]:
    """The answer that most give; of several the one that the first voter who is in any gives. All are paid."""
    table = labels.labels
    said = dict(
        zip(
            zip(strings(table, "prompt_id"), strings(table, "model"), strict=True),
            strings(table, "response", default=""),
            strict=True,
        )
    )
    places = [test.arms.index(voter) for voter in voters]
    quality = []
    for at, (prompt_id, question) in enumerate(zip(test.prompt_ids, questions, strict=True)):
        keys = [canonical(said[prompt_id, voter], KINDS[question.judge]) for voter in voters]
        votes = Counter(key for key in keys if key is not None)
        most = max(votes.values(), default=0)
        winner = next((place for place, key in zip(places, keys, strict=True) if key and votes[key] == most), places[0])
        quality.append(test.quality[at, winner])
    return _wide(quality), _wide(test.cost_usd[:, places].sum(axis=1))


def _router(labels: Path, work: Path) -> Router:
    out = work / "router"
    if not (out / "run.json").exists():
        logging.disable(logging.WARNING)
        fit(labels, out, ROUTER, tracker="disabled", progress=False)
        logging.disable(logging.NOTSET)
    router = open_any(out, None)
    assert isinstance(router, Router)
    return router


def _routed(router: Router, test: Outcomes) -> tuple[Floats, Floats]:
    """At its own trade-off."""
    chosen = router.decide(test.texts).arm
    places = np.array([test.arms.index(arm) for arm in router.arms])[chosen]
    rows = np.arange(len(places))
    return _wide(test.quality[rows, places]), _wide(test.cost_usd[rows, places])


def _wide(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float64)


def _short(models: Sequence[str]) -> str:
    return "+".join(model.removeprefix("pocket-") for model in models)
