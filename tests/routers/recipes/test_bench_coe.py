"""The contract suite runs the query level; here is what it asks of the subject level."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from anabranch.export.graph import LINK, export_head
from anabranch.routers.estimators.homorouter import HomoRouter
from anabranch.routers.estimators.task_table import TaskTable
from anabranch.routers.recipe import recipe_of
from tests.contract.rows import forward, learn
from tests.contract.worlds import cluster_world, linear_world

SIZES = {"train": 300, "validation": 20, "test": 21}


def test_a_kind_is_a_choice_of_estimator() -> None:
    query, subject = (recipe_of("bench-coe", {"kind": kind, "l2": 2.0}) for kind in ("query", "subject"))
    assert (query.estimator, subject.estimator) == (HomoRouter, TaskTable)
    assert query.policy == subject.policy == "argmax-utility"
    assert subject.settings == {"lookup": "soft", "prior": 5.0, "l2": 2.0} and subject.descent is None


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'topic'; known: query, subject"):
        recipe_of("bench-coe", {"kind": "topic"})


@pytest.mark.parametrize("lookup", ["soft", "hard"])
def test_the_subject_level_recovers_headroom_where_tasks_matter(lookup: str, tmp_path: Path) -> None:
    learnt = learn("bench-coe", cluster_world(seed=0), tmp_path, settings={"kind": "subject", "lookup": lookup})
    assert learnt.world.headroom_recovered(learnt.choices()) >= 0.8


@pytest.mark.parametrize("lookup", ["soft", "hard"])
def test_the_subject_level_says_the_same_in_onnx(lookup: str, tmp_path: Path) -> None:
    world = cluster_world(seed=0, width=8, sizes=SIZES)
    learnt = learn("bench-coe", world, tmp_path, settings={"kind": "subject", "lookup": lookup})
    embedding = learnt.embedding(world.rows("test"))
    session = onnxruntime.InferenceSession(export_head(learnt.estimator).SerializeToString())
    expected = forward(learnt.estimator, torch.from_numpy(embedding)).quality.numpy()
    np.testing.assert_allclose(session.run(None, {LINK: embedding})[0], expected, rtol=0, atol=1e-4)


def test_without_tasks_the_subject_level_is_constant(tmp_path: Path) -> None:
    learnt = learn("bench-coe", linear_world(seed=0), tmp_path, settings={"kind": "subject"})
    found = learnt.estimates(learnt.world.rows("test")).quality
    mean = learnt.world.table.quality[learnt.world.rows("train")].mean(axis=0)
    np.testing.assert_allclose(found, np.tile(mean, (len(found), 1)), atol=1e-5)
