"""A cascade fitted from a label set, and what is refused before anything is learnt."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from anabranch.__main__ import main
from anabranch.data.labelset import LabelSet, read_labels, write_labels
from anabranch.data.replay_table import replay_table
from anabranch.routers.cascade_run import load_cascade_run
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.reads import keeps_budget
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.fit import fit_cascade
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.fit import fit

OPTIONS: dict[str, Any] = {"encoder": "hashing", "tracker": "disabled", "progress": False}
PROMPTS = {"train": 80, "validation": 20, "test": 20}


def label_set(*, cost: bool = True, judges: tuple[str, ...] = ("numeric",)) -> LabelSet:
    """A wren for 1 USD, right on every second prompt; an owl for 4, always right; both know when they are."""
    letters = np.random.default_rng(0)
    prompts: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for split, count in PROMPTS.items():
        for number in range(count):
            name, right = f"{split}{number}", number % 2 == 0
            text = "".join(letters.choice(list("abcdefghij klmno"), 60)) + f" {number} + 2?"
            about = {"split": split, "judge": judges[number % len(judges)]}
            prompts.append({"prompt_id": name, "prompt": text, **about})
            for model, usd, good in (("wren", 1.0, right), ("owl", 4.0, True)):
                sure = -0.1 if good else -2.0
                row: dict[str, Any] = {"prompt_id": name, "model": model, "quality": float(good)}
                row |= {"response": str(number + 2 if good else 0), "logprob_stats": {"tokens": 1, "mean": sure}}
                rows.append(row | ({"cost_usd": usd} if cost else {}))
    return LabelSet(pa.Table.from_pylist(prompts), pa.Table.from_pylist(rows))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_labels(label_set(), tmp_path / "labels")
    return tmp_path / "labels"


def test_the_run_is_a_plan_that_keeps_what_is_sure(labels: Path, tmp_path: Path) -> None:
    """The owl is called on the half of the prompts that leave the wren unsure: quality 1 for 1 + 4/2 = 3.

    The wren alone has 1/2 for 1; the owl alone costs 4 and is no better than the chain, so two stops are left. The
    target, the owl's quality, is met by the second. Test prompts end alike.
    """
    fit_cascade(labels, tmp_path / "run", "confidence", **OPTIONS)
    run = load_cascade_run(tmp_path / "run")
    plan = run.plan("run")
    assert [(stop.quality, stop.cost_usd) for stop in plan.stops] == [(0.5, 1.0), (1.0, 3.0)]
    assert (plan.models, plan.tradeoff, plan.answers) == (("owl", "wren"), 1.0, "number")
    assert isinstance(chain := plan.policy(), ThresholdChain) and chain.models == (1, 0)
    tried = TriedPlan.of(plan, replay_table(read_labels(labels), plan.models).split("test"))
    assert (tried.means().quality.tolist(), tried.place) == ([0.5, 1.0], 1)
    assert run.provenance.prompts == {**PROMPTS, "left_out": 0}
    metrics = orjson.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert (metrics["policies"], metrics["quality"], metrics["cost_usd"]) == (2, 1.0, 3.0)


def test_no_prompt_spends_more_than_the_run_allows(labels: Path, tmp_path: Path) -> None:
    """The owl after the wren makes 5 USD. At 4.9 it answers alone, for 4, or not at all.

    The limit is a flag. The RUN says so, and keeps to it when it is loaded.
    """
    words = ["--encoder", "hashing", "--tracker", "disabled", "--progress", "false"]
    for most_usd, stops in ((4.9, [(0.5, 1.0), (1.0, 4.0)]), (5.0, [(0.5, 1.0), (1.0, 3.0)])):
        out = tmp_path / str(most_usd)
        told = ["train", "confidence", "--labels", str(labels), "--out", str(out), "--most_usd", str(most_usd), *words]
        assert main(told) == 0
        plan = load_cascade_run(out).plan("run")
        assert [(stop.quality, stop.cost_usd) for stop in plan.stops] == stops
        assert all(isinstance(stop.policy, BudgetGuard) for stop in plan.stops) and keeps_budget(plan)
        tried = TriedPlan.of(plan, replay_table(read_labels(labels), plan.models).split("test"))
        assert tried.cost_usd.max() <= most_usd and not tried.abstained.any()


def test_a_limit_below_every_model_is_refused_before_anything_is_learnt(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"most_usd 0\.5: no model can be called for that; the cheapest, 'wren'"):
        fit_cascade(labels, tmp_path / "run", "cascade-routing", **OPTIONS, most_usd=0.5)
    assert not (tmp_path / "run").exists()


def test_a_router_beside_a_limited_cascade_has_no_limit_of_its_own(labels: Path, tmp_path: Path) -> None:
    settings = {"router": "ridge", "signals": ("logprob_mean",)}
    run = fit_cascade(labels, tmp_path / "run", "cascade-routing", settings, **OPTIONS, most_usd=4.9)
    assert run.router is not None and keeps_budget(run.plan("run"))
    with pytest.raises(ValueError, match=r"most_usd=4\.9 is for cascades.*--policy budget-cap"):
        fit(labels, tmp_path / "router", "ridge", **OPTIONS, most_usd=4.9)


def test_a_promise_is_kept_in_the_run(labels: Path, tmp_path: Path) -> None:
    """40 prompts show no less of a loss of 0.1 than 0.9 ** 40 = 0.015: the chain is certified. The other half chose."""
    fit_cascade(labels, tmp_path / "run", "risk-controlled", {"most_lost": 0.1}, **OPTIONS)
    settings = load_cascade_run(tmp_path / "run").settings
    (stop,) = settings.stops
    assert stop.certificate is not None and stop.certificate.p_value == pytest.approx(0.9**40)
    assert settings.promise == stop.certificate.sentence
    assert settings.promise.startswith(
        "Where owl answers better, at most 0.1 of mean quality is lost: 95% sure, from 40"
    )


def test_a_router_is_trained_beside_it_if_its_estimates_are_read(labels: Path, tmp_path: Path) -> None:
    """A belief that reads the sure wren reaches what the chain does; the router keeps its place in the folder."""
    settings = {"router": "ridge", "signals": ("logprob_mean",)}
    fit_cascade(labels, tmp_path / "run", "cascade-routing", settings, **OPTIONS)
    run = load_cascade_run(tmp_path / "run")
    assert run.router is not None and run.router.settings.recipe == "ridge"
    plan = run.plan("run")
    assert plan.router is not None and plan.router.arms == plan.models
    tried = TriedPlan.of(plan, replay_table(read_labels(labels), plan.models).split("test"))
    assert tried.means().quality[-1] == 1.0


def test_a_scorer_survives_the_folder(labels: Path, tmp_path: Path) -> None:
    """Loaded again it says of every answer what the RUN's own said."""
    settings = {"signal": "scorer", "depth": 2, "budgets": 2}
    fitted = fit_cascade(labels, tmp_path / "run", "frugalgpt", settings, **OPTIONS)
    again = load_cascade_run(tmp_path / "run")
    table = replay_table(read_labels(labels), again.settings.models).split("test")
    one, other = (TriedPlan.of(run.plan("run"), table) for run in (fitted, again))
    np.testing.assert_array_equal(one.model, other.model)
    assert sorted(path.name for path in (tmp_path / "run" / "scorers").iterdir()) == [
        "scorer.json",
        "scorer.safetensors",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prices": Path("prices.json")}, "data reprice LABELS --prices"),
        ({"policy": "ucb"}, "policy and calibration are a router's"),
        ({"calibration": "platt"}, "policy and calibration are a router's"),
        ({"target": "strong=0.5"}, "no share of the prompts goes to the best one"),
        ({"target": "budget=0.5"}, "no trade-off costs at most 0.5"),
    ],
)
def test_what_is_not_a_cascades_is_refused(options: dict[str, Any], message: str, labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        fit_cascade(labels, tmp_path / "run", "confidence", **OPTIONS | options)
    assert not (tmp_path / "run" / "cascade.json").exists()


def test_unknown_costs_are_refused_before_anything_is_learnt(tmp_path: Path) -> None:
    write_labels(label_set(cost=False), tmp_path / "labels")
    with pytest.raises(ValueError, match="unknown costs of owl, wren"):
        fit_cascade(tmp_path / "labels", tmp_path / "run", "cascade-routing", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(labels: Path, tmp_path: Path) -> None:
    fit_cascade(labels, tmp_path / "run", "confidence", **OPTIONS)
    with pytest.raises(ValueError, match="already holds a run"):
        fit_cascade(labels, tmp_path / "run", "confidence", **OPTIONS)


def test_unknown_settings_are_refused(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no setting 'depht'; its settings: signal, form, depth, budgets"):
        fit_cascade(labels, tmp_path / "run", "frugalgpt", {"depht": 2}, **OPTIONS)
    with pytest.raises(ValueError, match=r"settings of cascade 'frugalgpt': .*depth"):
        fit_cascade(labels, tmp_path / "run", "frugalgpt", {"depth": "deep"}, **OPTIONS)


def test_answers_of_several_kinds_are_not_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Online nobody says which prompt wants a number and which a text, so the user has to."""
    write_labels(label_set(judges=("numeric", "exact")), tmp_path / "labels")
    with caplog.at_level(logging.WARNING):
        run = fit_cascade(tmp_path / "labels", tmp_path / "mixed", "confidence", **OPTIONS)
    assert run.settings.answers is None
    assert "answers of several kinds (number, text) are not compared: name one with --answers" in caplog.text
    named = fit_cascade(tmp_path / "labels", tmp_path / "named", "confidence", **OPTIONS, answers="text")
    assert named.settings.answers == "text"
