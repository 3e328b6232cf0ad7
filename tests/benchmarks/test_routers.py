"""What the routers' benchmark counts and measures against; never how long it took."""

import numpy as np
import pytest
import torch

from anabranch.export.graph import LINK
from anabranch.routers.registry import ROUTERS
from benchmarks.routers import (
    AFFINE,
    batches,
    battles,
    embeddings,
    frozen_rows,
    head_feed,
    heads,
    increments_ratio,
    nearest,
    observed,
    recall,
    worst,
)


def test_rows_are_those_whose_encoder_is_frozen() -> None:
    """RouterDC and the routers that classify texts train theirs; every row that has a goal is there."""
    rows = frozen_rows()
    assert set(rows) < set(ROUTERS) and {*AFFINE, "mlp", "knn", "routellm-sw"} < set(rows)
    assert not {"routerdc", "routing-lessons", "selectllm"} & set(rows)


def test_embeddings_are_unit_rows_in_topics() -> None:
    """Of 400 topics and 2,000 prompts, a prompt's nearest is far nearer than any two prompts on average."""
    rows = embeddings(2000)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    similarity = rows[:50] @ rows.T
    similarity[np.arange(50), np.arange(50)] = -1
    assert np.median(similarity.max(axis=1)) > 0.5 > 0.1 > abs(similarity.mean())


def test_each_prompt_has_one_battle() -> None:
    """Between two different models, and weights of 1 in all; three in ten are ties, give or take four deviations."""
    votes = battles(np.random.default_rng(0), 2000, 6)
    wins = votes.wins(2000)
    assert (wins.sum(axis=(1, 2)) == 1).all() and (np.trace(wins, axis1=1, axis2=2) == 0).all()
    assert abs((votes.p_b == 0.5).mean() - 0.3) < 4 * (0.3 * 0.7 / 2000) ** 0.5


def test_batches_are_every_prompt_once() -> None:
    seen = list(batches(embeddings(25, width=4), arms=3, votes=True, size=10))
    assert torch.cat([batch.row for batch in seen]).tolist() == list(range(25))
    assert [tuple(batch.wins.shape) for batch in seen] == [(10, 3, 3), (10, 3, 3), (5, 3, 3)]
    assert all((batch.wins.sum(dim=(1, 2)) == 1).all() for batch in seen)


def test_a_head_is_fed_a_trade_off_only_if_it_reads_one() -> None:
    """Ridge does not, so embeddings alone."""
    feed = head_feed(observed("ridge", embeddings(30, width=4), arms=2), rows=3)
    assert {name: part.shape for name, part in feed.items()} == {LINK: (3, 4)}


def test_a_table_has_a_row_a_router_and_number_of_arms_and_batch() -> None:
    """An encoder of a second a prompt dwarfs every head; kNN holds 60 prompts, ridge learns from 40."""
    found = heads(["knn", "ridge"], arms=(2,), sizes=(1, 4), prompts=(60, 40), repeats=1, encoder=lambda *_: 1000.0)
    keys = [(row["router"], row["arms"], row["prompts"], row["batch"]) for row in found["rows"]]
    assert keys == [("knn", 2, 60, 1), ("knn", 2, 60, 4), ("ridge", 2, 40, 1), ("ridge", 2, 40, 4)]
    assert found["encoder_us"] == {1: 1e6, 4: 1e6}
    assert found["goals"] == {"affine_and_mlp_at_most_0.05": True, "knn_at_most_0.3": True}


def test_a_goal_is_judged_by_its_worst_row() -> None:
    table = [{"router": "knn", "share": 0.1}, {"router": "knn", "share": 0.4}, {"router": "svm", "share": 0.9}]
    assert (worst(table, ("knn",)), worst(table, ("ridge",))) == (0.4, 0.0)


def test_recall_is_the_share_of_true_neighbours_found() -> None:
    """Two of two in another order, and one of two: three of four."""
    assert recall(np.array([[2, 1], [5, 7]]), np.array([[1, 2], [7, 9]])) == 0.75


def test_nearest_are_the_most_similar() -> None:
    """Cosines to (1, 0) are 0, 1, 0.6 and -1."""
    index = np.array([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]], np.float32)
    assert sorted(nearest(index, index[1:2], k=2)[0].tolist()) == [1, 2]


@pytest.mark.parametrize(
    ("peaks", "ratio"),
    [
        pytest.param([110, 120, 140], 1.0, id="line"),  # 20 / (2 * 10)
        pytest.param([101, 104, 116], 2.0, id="square"),  # 1, 4, 16: 12 / (2 * 3)
    ],
)
def test_memory_on_a_line_has_a_ratio_of_one(peaks: list[float], ratio: float) -> None:
    assert increments_ratio(peaks) == ratio
