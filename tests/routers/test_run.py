"""A RUN folder is written, read back, and refused when it is not what it says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.hashing import HashingEncoder
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.recipe import recipe_of
from anabranch.routers.run import ESTIMATE_BATCH, RUN_SCHEMA, Run, estimate_batches, load_run
from anabranch.routers.settings import CostingSettings, PolicySettings, Provenance, RouterSettings
from tests.contract.bag_of_words import BagOfWords
from tests.routers.estimators.batches import batch_of, fitted

WIDTH = 16
TEXTS = ["one lake", "two rivers", "three tides", "four floods"]
QUALITY = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
USAGE = [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]]
UNSEEN = ["one river", "", "five"]


def run_of(recipe: str = "knn", **changes: Any) -> Run:
    """A router that has seen four texts; `changes` replace settings."""
    encoder = HashingEncoder(width=WIDTH)
    table = batch_of(embed(encoder, TEXTS).tolist(), QUALITY, usage=USAGE)
    estimator = fitted(recipe_of(recipe).build(WIDTH, 2), table)
    fields: dict[str, Any] = {
        "recipe": recipe,
        "recipe_settings": {},
        "arms": ("small", "large"),
        "encoder": "hashing",
        "encoder_options": {"width": WIDTH},
        "encoder_fingerprint": encoder.fingerprint,
        "encoder_trained": False,
        "width": WIDTH,
        "routing_text_version": "1",
        "quality_kind": estimator.quality_kind,
        "reads_tradeoff": estimator.reads_tradeoff,
        "costing": CostingSettings(usage_kind="cost_usd"),
        "policy": PolicySettings(name="argmax-utility", settings={"scale_usd": 5.0}, tradeoff=0.75, target="best"),
    }
    provenance = Provenance(
        seed=3,
        prompts={"train": 4},
        data_sha256={"labels": "ab"},
        splits_sha256="cd",
        label_cost_usd=None,
        versions={"torch": "2"},
        created="2026-01-01T00:00:00+00:00",
    )
    return Run(RouterSettings(**fields | changes), provenance, encoder, estimator)


def rewritten(folder: Path, **changes: Any) -> Path:
    """A saved RUN whose run.json says something else at the top level."""
    run_of().save(folder)
    contents = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(contents | changes))
    return folder


@pytest.mark.parametrize("recipe", ["knn", "ridge", "mlp", "rm-softmax"])
def test_what_is_saved_comes_back(recipe: str, tmp_path: Path) -> None:
    """Settings, provenance and every estimate, bit by bit."""
    run = run_of(recipe)
    run.save(tmp_path / "run")
    loaded = load_run(tmp_path / "run")
    assert (loaded.settings, loaded.provenance) == (run.settings, run.provenance)
    for tradeoff in (0.0, 0.5, 1.0):
        expected, expected_usd = run.router("before").estimates(UNSEEN, tradeoff)
        found, found_usd = loaded.router("after").estimates(UNSEEN, tradeoff)
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
        assert np.array_equal(found_usd, expected_usd)


def test_the_router_is_what_the_settings_say(tmp_path: Path) -> None:
    run_of().save(tmp_path)
    router = load_run(tmp_path).router("mine")
    assert (router.name, router.arms, router.tradeoff) == ("mine", ("small", "large"), 0.75)
    assert router.policy == ArgmaxUtility(5.0)
    assert (router.costing.usage_kind, router.quality_kind) == ("cost_usd", "calibrated")
    assert router.decide(UNSEEN).arm.shape == (3,)


def test_the_folder_holds_json_and_safetensors_only(tmp_path: Path) -> None:
    """No pickle; the encoder's weights only if it was trained."""
    run_of().save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estimator.safetensors", "run.json"]
    assert json.loads((tmp_path / "run.json").read_text())["schema_version"] == RUN_SCHEMA


def test_a_trained_encoder_comes_back_with_its_weights(tmp_path: Path) -> None:
    """It is built again with other random vectors, which the saved ones replace before its fingerprint is checked."""
    encoder = BagOfWords(["lake", "river"], WIDTH)
    run = run_of(
        encoder=f"{BagOfWords.__module__}:BagOfWords",
        encoder_options={"words": ["lake", "river"], "width": WIDTH},
        encoder_fingerprint=encoder.fingerprint,
        encoder_trained=True,
    )
    replace(run, encoder=encoder).save(tmp_path)
    assert np.array_equal(embed(load_run(tmp_path).encoder, UNSEEN), embed(encoder, UNSEEN))


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    """Other sign vectors have another fingerprint, so its embeddings mean something else."""
    run_of(encoder_options={"width": WIDTH, "seed": 1}).save(tmp_path)
    with pytest.raises(ValueError, match=r"encoder 'hashing' has fingerprint \w{12}, but .* was trained with \w{12}: "):
        load_run(tmp_path)


def test_a_folder_without_run_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no RUN folder: it has no run.json; `anabranch train` makes one"):
        load_run(tmp_path)


@pytest.mark.parametrize("news", [{}, {"shiny": True}], ids=["same fields", "new fields"])
def test_a_newer_schema_asks_for_an_upgrade(news: dict[str, bool], tmp_path: Path) -> None:
    """Also when it has fields that this version does not know."""
    folder = rewritten(tmp_path, schema_version=RUN_SCHEMA + 1, **news)
    with pytest.raises(
        ValueError, match=rf"run.json has schema {RUN_SCHEMA + 1}; this version reads up to {RUN_SCHEMA}: "
    ):
        load_run(folder)


def test_an_unknown_field_of_this_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(?s)run.json cannot be read: .*shiny"):
        load_run(rewritten(tmp_path, shiny=True))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_run_json_is_refused(text: str, tmp_path: Path) -> None:
    run_of().save(tmp_path)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=r"run.json cannot be read: "):
        load_run(tmp_path)


def test_weights_of_another_method_are_refused(tmp_path: Path) -> None:
    run_of("ridge").save(tmp_path / "ridge")
    run_of("knn").save(tmp_path / "knn")
    (tmp_path / "ridge" / "estimator.safetensors").replace(tmp_path / "knn" / "estimator.safetensors")
    with pytest.raises(ValueError, match=r"state names .* do not match the estimator's"):
        load_run(tmp_path / "knn")


def test_an_embedder_replaces_the_encoder() -> None:
    """A cache, say; here one that knows a single embedding, that of the first training text."""
    run = run_of()
    router = run.router("cached", lambda texts: np.repeat(embed(run.encoder, TEXTS[:1]), len(texts), axis=0))
    expected = run.router("plain").estimates(TEXTS[:1], 1.0)[0].quality
    np.testing.assert_allclose(router.estimates(UNSEEN, 1.0)[0].quality, np.repeat(expected, 3, axis=0), rtol=1e-6)


@pytest.mark.parametrize("rows", [0, 1, ESTIMATE_BATCH + 1])
def test_estimates_come_in_batches_and_in_order(rows: int) -> None:
    """Whatever the number of rows, each is estimated as if alone; the last is in a batch of its own."""
    estimator = run_of("ridge").estimator
    embedding = np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)
    found = estimate_batches(estimator, embedding, None)
    assert {part.shape for part in found} == {(rows, 2)}
    for row in range(0, rows, 512):
        alone = estimate_batches(estimator, embedding[row : row + 1], None)
        np.testing.assert_allclose(found.quality[row], alone.quality[0], atol=1e-6)


def test_a_trade_off_outside_its_range_is_no_setting() -> None:
    with pytest.raises(ValueError, match=r"(?s)tradeoff.*less than or equal to 1"):
        PolicySettings(name="ucb", settings={}, tradeoff=1.5, target="best")
