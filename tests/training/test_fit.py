import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet
from anabranch.routers.run import Run, load_run
from anabranch.training.fit import fit
from anabranch.training.metrics.calibration import brier
from examples.two_skills import label_set
from tests.training.conftest import LabelMaker


def train(
    labels: Path, out: Path, recipe: str = "ridge", settings: dict[str, Any] | None = None, **options: Any
) -> Run:
    plain: dict[str, Any] = {"encoder": "hashing", "tracker": "disabled", "progress": False}
    return fit(labels, out, recipe, settings, **plain | options)


def test_run_folder_holds_all_that_made_it(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = train(make_labels(), tmp_path / "run", "mlp", {"epochs": 2})
    files = {str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {"run.json", "estimator.safetensors", "splits.json", "metrics.json", "logs/csv/metrics.csv"} <= files
    assert "logs/checkpoints/best.safetensors" in files
    assert not [name for name in files if name.endswith((".ckpt", ".pt", ".pkl", ".bin"))]
    contents = json.loads((tmp_path / "run" / "run.json").read_text())
    assert contents["router"]["recipe_settings"] == {"epochs": 2}
    assert contents["provenance"]["data_sha256"].keys() == {"prompts", "labels"}
    splits = json.loads((tmp_path / "run" / "splits.json").read_text())
    assert {name: len(ids) for name, ids in splits.items()} == {
        name: run.provenance.prompts[name] for name in ("train", "validation", "test")
    }


def test_many_prompts_get_fewer_passes(make_labels: LabelMaker, tmp_path: Path) -> None:
    """136 of 240 prompts train: 9 steps a pass of 16, so that 20 steps are reached in the third of 50 passes."""
    run = train(make_labels(), tmp_path / "run", "mlp", {"epochs": 50, "batch_size": 16, "max_steps": 20})
    assert run.provenance.prompts["train"] == 136
    log = (tmp_path / "run" / "logs" / "csv" / "metrics.csv").read_text().splitlines()
    at = log[0].split(",").index("epoch")
    assert max(int(line.split(",")[at]) for line in log[1:]) == 3  # epoch 0 only observes


def test_router_learns_who_answers_what(make_labels: LabelMaker, tmp_path: Path) -> None:
    """Sums go to the adder and verse to the poet: both are as good as the sage at a twentieth of its cost."""
    run = train(make_labels(prompts=600), tmp_path / "run", "logistic")
    router = run.router("r")
    arms = [router.arms[i] for i in router.decide(["add plus total seven", "moon song river dusk"], 0.7).arm]
    assert arms == ["adder", "poet"]


def test_loaded_run_estimates_the_same(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = train(make_labels(), tmp_path / "run", "knn")
    texts = ["add plus", "moon song", ""]
    again = load_run(tmp_path / "run")
    for one, other in zip(run.router("a").estimate(texts, None), again.router("b").estimate(texts, None), strict=True):
        assert np.array_equal(one, other)
    assert again.settings == run.settings


def test_same_seed_same_run(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = make_labels()
    for name in ("a", "b"):
        train(labels, tmp_path / name, "mlp", {"epochs": 3}, seed=5)
    train(labels, tmp_path / "c", "mlp", {"epochs": 3}, seed=6)
    weights = {name: (tmp_path / name / "estimator.safetensors").read_bytes() for name in "abc"}
    assert weights["a"] == weights["b"] != weights["c"]


def test_callers_random_state_is_untouched(make_labels: LabelMaker, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(7)
    before = torch.get_rng_state()
    train(make_labels(), tmp_path / "run", "mlp", {"epochs": 1})
    assert torch.equal(before, torch.get_rng_state())


def test_existing_run_is_not_overwritten(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = make_labels()
    train(labels, tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(ValueError, match="already holds a run"):
        train(labels, tmp_path / "run", "knn")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_offline_tracker_writes_beside_the_csv(make_labels: LabelMaker, tmp_path: Path) -> None:
    train(make_labels(prompts=60), tmp_path / "run", "mlp", {"epochs": 1}, tracker="offline")
    assert (tmp_path / "run" / "logs" / "csv" / "metrics.csv").exists()
    assert list((tmp_path / "run" / "logs" / "wandb").glob("offline-run-*"))


def test_two_arms_without_costs_get_a_threshold(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = train(make_labels(cost=False), tmp_path / "run", models=["adder", "sage"])
    assert run.settings.policy.name == "threshold-pair"
    assert run.settings.policy.settings["strong"] == 1
    assert run.settings.costing.usage_kind == "unknown"


def test_many_arms_without_costs_take_the_best(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = train(make_labels(cost=False), tmp_path / "run")
    assert (run.settings.policy.name, run.settings.policy.tradeoff) == ("argmax-utility", 1.0)


def test_tokens_are_priced_at_todays_prices(make_labels: LabelMaker, tmp_path: Path) -> None:
    """20 prompt tokens at 1e-6 and 30 completion tokens at 2e-6 are 8e-5 USD, whatever the router's text."""
    prices = {
        model: {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6} for model in ("adder", "poet", "sage")
    }
    (tmp_path / "prices.json").write_bytes(orjson.dumps(prices))
    run = train(make_labels(tokens=True), tmp_path / "run", prices=tmp_path / "prices.json")
    assert run.settings.costing.usage_kind == "completion_tokens"
    table = label_set(tokens=True).outcomes()
    _, cost_usd = run.router("r").estimates(table.texts, 1.0)
    assert cost_usd.mean() == pytest.approx(8e-5, rel=0.02)


def test_unknown_price_is_an_error(make_labels: LabelMaker, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_bytes(
        orjson.dumps({"adder": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}})
    )
    with pytest.raises(KeyError, match="poet"):
        train(make_labels(tokens=True), tmp_path / "run", prices=tmp_path / "prices.json")


def test_prices_need_tokens(make_labels: LabelMaker, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_bytes(orjson.dumps({}))
    with pytest.raises(ValueError, match="prices need token counts"):
        train(make_labels(), tmp_path / "run", prices=tmp_path / "prices.json")


def test_best_of_n_arms_come_from_samples(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = train(make_labels(prompts=120, samples=2), tmp_path / "run", "best-route", {"samples": (1, 2), "epochs": 2})
    assert run.settings.arms == ("adder", "adder#2", "poet", "poet#2", "sage", "sage#2")


def test_rm_softmax_needs_costs(make_labels: LabelMaker, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="usage is unknown"):
        train(make_labels(cost=False), tmp_path / "run", "rm-softmax")


@pytest.mark.parametrize(
    ("recipe", "options", "words"),
    [
        ("kn", {}, "unknown router 'kn' .did you mean 'knn'"),
        ("knn", {"models": ["adder", "sagee"]}, "unknown models .'sagee'."),
        ("knn", {"target": "cheap"}, "a target is budget=USD"),
        ("knn", {"target": "floor=1.5"}, "no trade-off reaches quality 1.5"),
        ("knn", {"policy": "greedy"}, "unknown policy 'greedy'"),
        ("knn", {"policy": "threshold-pair"}, "needs two arms and there are 3"),
        ("knn", {"encoder": "hashin"}, "hashing"),
    ],
)
def test_wrong_names_are_refused(
    make_labels: LabelMaker, tmp_path: Path, recipe: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        train(make_labels(), tmp_path / "run", recipe, **options)
    assert not (tmp_path / "run" / "run.json").exists()


def test_unknown_setting_lists_the_known_ones(make_labels: LabelMaker, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'knn' has no setting 'kk'; its settings: k=64"):
        train(make_labels(), tmp_path / "run", "knn", {"kk": 3})


def test_prompts_that_are_all_equal_are_refused(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = label_set(60)
    same = labels.prompts.set_column(1, "prompt", pa.array(["one and the same"] * 60))
    with pytest.raises(ValueError, match="prompts are all equal"):
        train(make_labels(LabelSet(same, labels.labels)), tmp_path / "run")


def test_no_quality_anywhere_is_refused(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = label_set(60)
    place = labels.labels.column_names.index("quality")
    empty = labels.labels.set_column(place, "quality", pa.nulls(labels.labels.num_rows, pa.float64()))
    with pytest.raises(ValueError, match="no quality is known on any train prompt"):
        train(make_labels(LabelSet(labels.prompts, empty)), tmp_path / "run")


def test_model_without_train_labels_is_refused(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = label_set(60)
    on_test = {f"p{i}" for i in range(60) if i % 3 == 2}
    keep = [row["model"] != "poet" or row["prompt_id"] in on_test for row in labels.labels.to_pylist()]
    with pytest.raises(ValueError, match=r"models without labels on train prompts: \['poet'\]"):
        train(make_labels(LabelSet(labels.prompts, labels.labels.filter(pa.array(keep)))), tmp_path / "run")


def test_no_test_split_is_refused(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = label_set(60)
    only_train = labels.prompts.drop_columns(["split"])
    with pytest.raises(ValueError, match="no test split"):
        train(make_labels(LabelSet(only_train, labels.labels)), tmp_path / "run")


def test_shared_prefixes_are_told(make_labels: LabelMaker, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """600 bytes of prefix fill the head of 512 tokens; the tail still tells the prompts apart."""
    labels = label_set(90)
    longer = ["same words " * 60 + text for text in labels.prompts["prompt"].to_pylist()]
    prefixed = LabelSet(labels.prompts.set_column(1, "prompt", pa.array(longer)), labels.labels)
    with caplog.at_level(logging.WARNING):
        run = train(make_labels(prefixed), tmp_path / "run", encoder_options={"max_tokens": 512})
    assert "equal another one in their first 512 tokens" in caplog.text
    assert "collide after truncation" not in caplog.text
    table = run.encoder.tokens.truncated_ids(longer)
    assert len({tuple(row) for row in table}) == 90


def test_straddlers_leave_train_and_are_told(
    make_labels: LabelMaker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Prompt 0 is in train and prompt 2 in test; with one text they straddle, and prompt 0 leaves."""
    labels = label_set(90)
    texts = labels.prompts["prompt"].to_pylist()
    texts[0] = texts[2]
    straddling = LabelSet(labels.prompts.set_column(1, "prompt", pa.array(texts)), labels.labels)
    with caplog.at_level(logging.WARNING):
        run = train(make_labels(straddling), tmp_path / "run")
    assert run.provenance.prompts["left_out"] == 1
    assert "1 prompts left train or validation" in caplog.text


def test_preferences_train_where_there_are_any(make_labels: LabelMaker, tmp_path: Path) -> None:
    """All votes say that the poet beats everyone, so it is the strongest although its quality is not."""
    labels = label_set(90)
    votes = [
        {"prompt_id": f"p{i}", "model_a": "poet", "model_b": rival, "winner": "a"}
        for i in range(90)
        for rival in ("adder", "sage")
    ]
    voted = LabelSet(labels.prompts, labels.labels, pa.Table.from_pylist(votes))
    run = train(make_labels(voted), tmp_path / "run", "routellm-sw")
    quality = run.router("r").estimate(["add plus total"], None).quality[0]
    assert run.settings.arms[int(quality.argmax())] == "poet"


def misspelt_votes() -> LabelSet:
    labels = label_set(90)
    votes = [{"prompt_id": f"p{i}", "model_a": "poett", "model_b": "sagee", "winner": "a"} for i in range(90)]
    return LabelSet(labels.prompts, labels.labels, pa.Table.from_pylist(votes))


def test_votes_on_unknown_models_are_refused(make_labels: LabelMaker, tmp_path: Path) -> None:
    """A misspelt model must not quietly lose its votes."""
    with pytest.raises(ValueError, match=r"names 2 models without labels, e.g. \['poett', 'sagee'\]"):
        train(make_labels(misspelt_votes()), tmp_path / "run", "routellm-sw")


def test_votes_on_other_models_do_not_pass_for_votes_on_these(make_labels: LabelMaker, tmp_path: Path) -> None:
    """Nor may a preference router without any vote on its pool turn into one that learns from outcomes."""
    with pytest.raises(ValueError, match="vote"):
        train(make_labels(misspelt_votes()), tmp_path / "run", "routellm-sw", models=["poet", "sage"])


def test_votes_do_not_matter_to_who_learns_from_outcomes(make_labels: LabelMaker, tmp_path: Path) -> None:
    train(make_labels(misspelt_votes()), tmp_path / "run", "ridge")
    assert (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize(("recipe", "calibration"), [("knn", "isotonic"), ("ridge", "platt"), ("mlp", "temperature")])
def test_a_calibrated_run_comes_back(make_labels: LabelMaker, tmp_path: Path, recipe: str, calibration: str) -> None:
    """Its map was fitted on the validation prompts: on them it is no worse than what it maps."""
    settings = {"epochs": 2} if recipe == "mlp" else {}
    labels = make_labels(prompts=600)
    run = train(labels, tmp_path / "run", recipe, settings, calibration=calibration)
    plain = train(labels, tmp_path / "plain", recipe, settings)
    again = load_run(tmp_path / "run")
    assert (again.settings.calibration, again.settings.quality_kind) == (calibration, "calibrated")
    table = label_set(600).outcomes()
    texts = table.texts
    found, expected = again.router("a").estimate(texts, None), run.router("b").estimate(texts, None)
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
    ids = json.loads((tmp_path / "run" / "splits.json").read_text())["validation"]
    rows = [table.prompt_ids.index(prompt) for prompt in ids]
    losses = [brier(r.router("r").estimate(texts, None).quality[rows], table.quality[rows]) for r in (run, plain)]
    assert losses[0] < losses[1]


def test_a_calibration_that_does_not_fit_is_refused_before_training(make_labels: LabelMaker, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a temperature divides log odds"):
        train(make_labels(), tmp_path / "run", "best-route", {"samples": (1,)}, calibration="temperature")
    assert not (tmp_path / "run").exists()
