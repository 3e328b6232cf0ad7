"""Forms that a recipe's setting chooses keep what the contract asks of the default form."""

import inspect
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import onnxruntime
import pytest
import torch

from anabranch.export.graph import LINK, export_head
from anabranch.export.signature import TRADEOFF
from anabranch.registry import resolve
from anabranch.routers.recipe import recipe_of
from anabranch.routers.registry import ROUTERS
from tests.contract.rows import WIDTH, forward, knob, learn, with_costs
from tests.contract.worlds import Make, cluster_world, linear_world, matched_world
from tests.routers.estimators.batches import batch_of, fitted


class Form(NamedTuple):
    """A row, the settings that choose its form, and the world of the form's assumption."""

    name: str
    row: str
    settings: dict[str, Any]
    world: Make


FORMS = (
    Form("avengers-pro balance", "avengers-pro", {"form": "balance", "clusters": 16}, matched_world),
    Form("bench-coe subject", "bench-coe", {"kind": "subject"}, cluster_world),
    Form("bench-coe subject hard", "bench-coe", {"kind": "subject", "lookup": "hard"}, cluster_world),
    Form("benchmark-routing S2", "benchmark-routing", {"kind": "S2"}, matched_world),
    # five neighbours that are right at 0.4 pass the threshold too often
    Form("benchmark-routing S3", "benchmark-routing", {"kind": "S3", "k": 64}, cluster_world),
    Form("carrot linear", "carrot", {"estimates": "linear"}, linear_world),
    Form("carrot mlp", "carrot", {"estimates": "mlp", "hidden": 64, "epochs": 10, "learning_rate": 3e-3}, linear_world),
    Form("routing-lessons separate", "routing-lessons", {"kind": "separate"}, linear_world),
    Form("routing-lessons clusters", "routing-lessons", {"kind": "clusters", "clusters": 16}, cluster_world),
    Form("to-router knn", "to-router", {"kind": "knn"}, cluster_world),
)
forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)


def test_every_form_that_a_recipe_offers_is_here() -> None:
    """Each choice of words in a recipe function's signature is the default, or some form's."""
    missing = []
    for name, path in ROUTERS.items():
        row = resolve(name, ROUTERS, "router")
        if inspect.isclass(row):
            continue
        for choice in inspect.signature(row).parameters.values():
            tried = {choice.default} | {form.settings.get(choice.name) for form in FORMS if form.row == name}
            missing += [(path, choice.name, word) for word in get_args(choice.annotation) if word not in tried]
    assert [one for one in missing if isinstance(one[2], str)] == []


@forms
def test_a_form_recovers_headroom_on_the_world_of_its_assumption(form: Form, tmp_path: Path) -> None:
    world = form.world(seed=0)
    learnt = learn(form.row, world, tmp_path, settings=form.settings)
    assert world.headroom_recovered(learnt.choices()) >= 0.8


@pytest.mark.slow
@forms
def test_a_form_says_the_same_in_onnx(form: Form, tmp_path: Path) -> None:
    """Costs are exp of the embedding, so that usage has a shape; in batches of 7, and one by one."""
    world = form.world(seed=0, width=WIDTH, sizes={"train": 300, "validation": 20, "test": 21})
    world = with_costs(world, np.exp(world.embedding[:, : len(world.table.arms)]))
    learnt = learn(form.row, world, tmp_path, settings=form.settings)
    session = onnxruntime.InferenceSession(export_head(learnt.estimator).SerializeToString())
    rows = world.rows("test")
    expected, embedding = learnt.estimates(rows), learnt.embedding(rows)
    for batch in (1, 7):
        for start in range(0, len(rows), batch):
            part = slice(start, start + batch)
            tradeoff = knob(learnt.estimator, batch)
            inputs = {LINK: embedding[part]} | ({} if tradeoff is None else {TRADEOFF: tradeoff})
            for found, whole in zip(session.run(None, inputs), expected, strict=True):
                np.testing.assert_allclose(found, whole[part], rtol=1e-4, atol=1e-4)


@forms
@pytest.mark.parametrize("prompts", [1, 6])
@pytest.mark.parametrize("arms", [1, 3])
def test_a_form_copes_with_little(form: Form, prompts: int, arms: int) -> None:
    """One prompt or equal ones, one arm or several of which the last was tried once, and the zero embedding."""
    quality = torch.full((prompts, arms), 0.5)
    quality[1:, arms - 1] = torch.nan
    table = batch_of([[0.6, 0.8]] * prompts, quality, usage=[[1.0 + arm for arm in range(arms)]] * prompts)
    estimator = fitted(recipe_of(form.row, form.settings).build(2, arms), table)
    found = forward(estimator, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert all(part.shape == (2, arms) and part.isfinite().all() for part in found)
