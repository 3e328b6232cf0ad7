"""A graph of three nodes: one task, one prompt at 2, one arm; every weight by hand."""

from math import e, exp, log

import pytest
import torch
from torch import Tensor, nn

from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.graph_router import ArmUpdate, GraphRouter
from tests.routers.estimators.batches import NAN, batch_of, fitted


def set_linear(layer: nn.Linear, weight: list[list[float]]) -> None:
    layer.weight.data = torch.tensor(weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def by_hand(table: Batch, arms: int = 1, **settings: float) -> GraphRouter:
    """Node of a prompt x of a task at c: (c, 2x). An arm hears it as it is, and 5 times quality on its first place."""
    estimator = GraphRouter(1, arms, hidden=1, layers=1, **settings)  # type: ignore[arg-type]
    set_linear(estimator.task, [[1.0]])
    set_linear(estimator.prompt, [[2.0]])
    nn.init.zeros_(estimator.arm)
    (hear,) = estimator.hear
    assert isinstance(hear, ArmUpdate)
    set_linear(hear.own, [[0.0, 0.0], [0.0, 0.0]])
    set_linear(hear.prompt, [[1.0, 0.0], [0.0, 1.0]])
    set_linear(hear.edge, [[5.0, 0.0], [0.0, 0.0]])
    return fitted(estimator, table)


def sigmoid(logit: float) -> float:
    return 1 / (1 + exp(-logit))


@pytest.mark.parametrize(("quality", "logit"), [(1.0, -2.0), (0.0, 2.0)])
def test_the_edge_is_heard(quality: float, logit: float) -> None:
    """The prompt's node is (2, 4). Right: the arm hears (7, 4), normalised (1, -1); wrong: (2, 4), normalised (-1, 1).

    A new prompt at 3 has the node (2, 6): (2 - 6) / 2 = -2 and the opposite.
    """
    found = by_hand(batch_of([[2.0]], [[quality]]))(torch.tensor([[3.0]])).quality
    assert found.item() == pytest.approx(sigmoid(logit), abs=1e-4)


def test_messages_are_averaged_over_known_edges() -> None:
    """Arm 1 knows only the first prompt, so both arms hear the same from it, and arm 0 also of the second.

    Arm 0: prompts 2 and 4 of the task at 3, mean node (3, 6), quality 1/2: (5.5, 6), normalised (-1, 1).
    Arm 1: (3, 4) and 5: (8, 4), normalised (1, -1). A prompt at 2: (3, 4), logits 1/2 and -1/2.
    """
    table = batch_of([[2.0], [4.0]], [[1.0, 1.0], [0.0, NAN]])
    found = by_hand(table, arms=2)(torch.tensor([[2.0]])).quality[0]
    assert found.tolist() == pytest.approx([sigmoid(0.5), sigmoid(-0.5)], abs=1e-3)


def test_the_task_of_a_prompt_is_the_expected_one() -> None:
    """Tasks at -1 and 1; a classifier of zeros gives each half, so their expected description is 0.

    The arm heard node (0, 0) and quality 1: (5, 0), normalised (1, -1). A prompt at 3: (0, 6), logit -3.
    """
    estimator = by_hand(batch_of([[-1.0], [1.0]], [[1.0], [1.0]], task=[0, 1]))
    assert estimator.centroids.tolist() == [[-1.0], [1.0]]
    estimator.tasks.weight = torch.zeros(2, 2)
    assert estimator(torch.tensor([[3.0]])).quality.item() == pytest.approx(sigmoid(-3.0), abs=1e-4)


def test_in_training_a_prompt_does_not_see_its_own_edge() -> None:
    """In evaluation the arm is (1, -1), the prompt (2, 4), the logit -1 and the label 1: log(1 + e).

    In training nothing is left to hear, the state is 0, and so is the logit: log 2.
    """
    table = batch_of([[2.0]], [[1.0]])
    estimator = by_hand(table)
    assert estimator.loss(table).item() == pytest.approx(log(1 + e), abs=1e-4)
    assert estimator.train().loss(table).item() == pytest.approx(log(2))


@pytest.mark.parametrize(("mask_rate", "logit"), [(0.0, -1.0), (1.0, 0.0)])
def test_other_edges_are_seen_unless_they_are_masked(mask_rate: float, logit: float) -> None:
    """Two equal prompts: each is predicted from the other, or from nothing."""
    table = batch_of([[2.0], [2.0]], [[1.0], [1.0]])
    estimator = by_hand(table, mask_rate=mask_rate).train()
    first = Batch(*(part[:1] for part in table))
    assert estimator.loss(first).item() == pytest.approx(log(1 + exp(-logit)), abs=1e-4)


def test_the_label_weighs_cost() -> None:
    """Both arms are right at usage 1 and 4; priciest mean 4. Reward 1 - 1/8 beats 1 - 1/2: label (1, 0).

    Without costs both arms are best; logits are equal, so the losses differ by half a logit: x is -1 for both.
    """
    table = batch_of([[2.0]], [[1.0, 1.0]], usage=[[1.0, 4.0]])
    free, priced = (by_hand(table, arms=2, cost_weight=weight).loss(table).item() for weight in (0.0, 0.5))
    assert free == pytest.approx(log(1 + e), abs=1e-3)
    assert priced == pytest.approx((log(1 + e) + log(1 + 1 / e)) / 2, abs=1e-3)


def test_unknown_usage_of_an_edge_is_the_arms_mean() -> None:
    """Means 2 and 4: features 2/4 and 4/4, whether known or not; an arm that knows none has 0."""
    table = batch_of([[0.0], [0.0]], [[1.0] * 3] * 2, usage=[[2.0, 4.0, NAN], [NAN, NAN, NAN]])
    estimator = fitted(GraphRouter(1, 3, hidden=2), table)
    assert estimator.heard[:, -1].tolist() == pytest.approx([0.5, 1.0, 0.0])


def test_states_between_rounds_are_rectified() -> None:
    """Round 1 gives (1, -1), of which (1, 0) is left; round 2 reads the second place alone, which is 0: logit 0.

    Were it -1, round 2 would have (-1, 0), normalised (-1, 1).
    """
    estimator = by_hand(batch_of([[2.0]], [[1.0]]))
    second = ArmUpdate(2, 2)
    set_linear(second.own, [[0.0, 1.0], [0.0, 0.0]])
    set_linear(second.prompt, [[0.0, 0.0], [0.0, 0.0]])
    set_linear(second.edge, [[0.0, 0.0], [0.0, 0.0]])
    estimator.hear.append(second)
    assert estimator(torch.tensor([[3.0]])).quality.item() == pytest.approx(0.5, abs=1e-3)


def test_a_step_costs_the_same_for_any_number_of_edges() -> None:
    """What training keeps of a thousand prompts, beside which group each edge is in, has the size of one."""

    def kept(prompts: int) -> Tensor:
        estimator = fitted(GraphRouter(1, 2), batch_of([[1.0]] * prompts, [[1.0, 0.0]] * prompts))
        assert estimator._edges is not None
        return estimator._edges.sums

    assert kept(1000).shape == kept(1).shape == (32, 2, 2 + 2 + 1)
