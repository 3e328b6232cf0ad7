from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from anabranch.routers.estimators.estimator import Batch, Estimator, normalised
from anabranch.routers.estimators.familiarity import limits_of
from anabranch.routers.estimators.hedge import FEW_TASKS, LADDER, Rung, ladder_of
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.stack import Member, Stack
from tests.routers.estimators.batches import batch_of, fitted

NEIGHBOURS: Member = {"recipe": "knn", "k": 20}
MEMORY: Member = {"recipe": "knn", "k": 1, "weights": "uniform"}
NARROW: Member = {"recipe": "kernel-ridge", "reach": 0.05, "l2": 3.0}

MIXED = ("left", "left", "left", "right", "right") * 12
"""A task of 60 prompts; on the left arm 0 is right, on the right arm 1."""

UNSURE = (*("left",) * 6, *("right",) * 3, "RIGHT") * 6
"""On the right arm 1 is right three times in four."""


def two_sides(prompts: int, usage: bool = False) -> Batch:
    """Prompts around (1, 0, 0, 0) that arm 0 answers with 0.9, and around (0, 1, 0, 0) that arm 1 does; arm 2 fails."""
    generator = torch.Generator().manual_seed(0)
    side = torch.arange(prompts) % 2
    embedding = torch.eye(4)[side] + 0.1 * torch.randn(prompts, 4, generator=generator)
    chance = torch.where(side[:, None] == torch.arange(3), 0.9, torch.tensor([0.2, 0.2, 0.0]))
    quality = (torch.rand(prompts, 3, generator=generator) < chance).float()
    cost = [[1.0 + float(one), 3.0, 3.0] for one in side] if usage else None
    return batch_of(embedding, quality, usage=cost)


def random_labels(prompts: int, copies: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(prompts, 8, generator=generator)
    quality = torch.randint(0, 2, (prompts, 3), generator=generator).float()
    return batch_of(embedding.repeat(copies, 1), quality.repeat(copies, 1))


def tasks_of(*tasks: tuple[str, ...]) -> Batch:
    """Tasks whose prompts are on the left or the right; capitals turn round who is right, which arm 2 never is."""
    generator = torch.Generator().manual_seed(0)
    kinds = [(number, kind) for number, task in enumerate(tasks) for kind in task]
    side = torch.tensor([int(kind.lower() == "right") for _, kind in kinds])
    turned = torch.tensor([int(kind.isupper()) for _, kind in kinds])
    embedding = torch.eye(4)[side] + 0.1 * torch.randn(len(kinds), 4, generator=generator)
    quality = torch.nn.functional.one_hot((side + turned) % 2, 3).float()
    return batch_of(embedding, quality, task=[number for number, _ in kinds])


def stacked(batch: Batch, members: Sequence[Member]) -> Stack:
    return fitted(Stack(batch.embedding.shape[1], batch.quality.shape[1], members=members), batch)


def rung_of(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> Rung:
    """The rung a stack of one member ends up on: the last limits it sets are that rung's."""
    asked = [(0.0, 0.0)]

    def limits(distance: Tensor, near: float, far: float) -> Tensor:
        asked.append((near, far))
        return limits_of(distance, near, far)

    monkeypatch.setattr("anabranch.routers.estimators.stack.limits_of", limits)
    keep, demand = stacked(batch, [NEIGHBOURS]).hedge.caution.tolist()
    return Rung(*asked[-1], keep=round(keep, 6), demand=round(demand, 6))


def departure(stack: Stack, embedding: Tensor) -> Tensor:
    """What the only member says beyond the averages, weighed."""
    (member,) = stack.members
    assert isinstance(member, Estimator)
    weighed: Tensor = stack.weight[0] * (member(embedding).quality - stack.hedge.mean)
    return weighed


def test_one_member_is_itself_up_to_its_weight_where_all_is_familiar() -> None:
    batch = two_sides(120)
    stack = stacked(batch, [NEIGHBOURS])
    near = batch.embedding[stack.familiarity(normalised(batch.embedding)) == 1]
    assert len(near) > 60
    assert 0.8 < stack.weight.item() < 1.3
    alone = fitted(KNN(4, 3, k=20), batch)(near).quality
    mean = batch.quality.mean(dim=0)
    expected = (mean + stack.weight * (alone - mean)).clamp(0.0, 1.0)
    torch.testing.assert_close(stack(near).quality, expected, atol=1e-5, rtol=0)


def test_what_is_unlike_training_keeps_half_and_pays_the_toll() -> None:
    """One task says nothing of new ones, so the rung is the untried one: keep 0.5, and 0.05 for all but the default."""
    batch = two_sides(120)
    stack = stacked(batch, [NEIGHBOURS])
    far = torch.tensor([[1.0, 0.0, 3.0, 0.0], [0.0, 1.0, 0.0, -3.0]])
    assert stack.familiarity(normalised(far)).tolist() == [0.0, 0.0]
    mean = batch.quality.mean(dim=0)
    toll = 0.05 * (torch.arange(3) != mean.argmax())
    expected = mean + 0.5 * departure(stack, far) - toll
    assert departure(stack, far).abs().max() > 0.05
    torch.testing.assert_close(stack(far).quality, expected.clamp(0.0, 1.0), atol=1e-5, rtol=0)


def test_far_from_all_prompts_a_narrow_kernel_leaves_the_averages() -> None:
    """It departs by nothing there, so the default arm has its average and the other 0.05 less."""
    batch = two_sides(120)
    far = torch.tensor([[-1.0, -1.0, 0.0, 0.0]])
    mean = batch.quality.mean(dim=0)
    expected = mean - 0.05 * (torch.arange(3) != mean.argmax())
    assert stacked(batch, [NARROW])(far).quality[0].tolist() == pytest.approx(
        expected.clamp(min=0.0).tolist(), abs=1e-4
    )


@pytest.mark.parametrize("copies", [1, 2])
def test_a_member_that_only_remembers_has_next_to_no_weight(copies: int) -> None:
    """Also where every prompt is there twice: its copy is left out with it."""
    assert stacked(random_labels(100, copies), [MEMORY]).weight.item() < 0.2


def test_the_member_that_helps_has_the_weight() -> None:
    weight = stacked(two_sides(120), [{"recipe": "zero"}, NEIGHBOURS]).weight
    assert weight[1] > 0.7
    assert weight[0] < 0.1


def test_few_distinct_prompts_are_answered_by_the_averages() -> None:
    """49, and 48 of them once more."""
    few = two_sides(49)
    batch = Batch(*(torch.cat([part, part[1:]]) for part in few))._replace(row=torch.arange(97))
    stack = stacked(batch, [NEIGHBOURS])
    assert stack.weight.tolist() == [0.0]
    torch.testing.assert_close(stack(batch.embedding).quality, batch.quality.mean(dim=0).expand(97, 3))


def test_usage_is_learnt_with_weights_of_its_own() -> None:
    """Arm 0 costs 1 on the left and 2 on the right, the others always 3."""
    stack = stacked(two_sides(120, usage=True), [NEIGHBOURS])
    usage = stack(torch.eye(4)[:2]).usage
    assert usage.tolist()[0] == pytest.approx([1.0, 3.0, 3.0], abs=0.1)
    assert usage.tolist()[1] == pytest.approx([2.0, 3.0, 3.0], abs=0.1)


def test_tasks_that_agree_need_the_least_care(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rung_of(tasks_of(*(MIXED,) * FEW_TASKS), monkeypatch) == LADDER[0]


def test_few_tasks_that_agree_need_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rung_of(tasks_of(*(MIXED,) * (FEW_TASKS - 1)), monkeypatch) == ladder_of(3, 1)[0]


def test_a_task_that_contradicts_the_others_calls_for_the_most_care(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third asks on the right alone, and there arm 0 is right in it and arm 1 in the others.

    Arm 0 is the best single arm of the others, 0.6 to 0.4, but on the right they say arm 1. The third task, left out,
    loses on every prompt; with a weight w half the departures leave 0.6 - 0.3 w to 0.4 + 0.3 w - 0.1, which is still
    arm 1 for w above 1/2. No rung helps, so it is the last.
    """
    batch = tasks_of(MIXED, MIXED, ("RIGHT",) * 16)
    assert stacked(batch, [NEIGHBOURS]).weight > 0.5
    assert rung_of(batch, monkeypatch) == LADDER[-1]


def test_care_rises_no_farther_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are less sure on the right: averages 0.7 and 0.3 turn into 0.25 and 0.75.

    Of these departures a weight above 0.44 chooses arm 1. Half of them, less the toll of 0.05, leave arm 0 for any
    weight below 1, and it is right in the third task: the last rung but one is enough, if none before it is.
    """
    rung = rung_of(tasks_of(UNSURE, UNSURE, ("RIGHT",) * 16), monkeypatch)
    assert LADDER[0] != rung != LADDER[-1]


def test_what_is_unlike_the_others_needs_no_more_care_than_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same last task in a place of its own is unfamiliar on the first rung already, which leaves it arm 0."""
    batch = tasks_of(*(UNSURE,) * 4, ("RIGHT",) * 16)
    embedding = batch.embedding.clone()
    embedding[batch.task == 4] += torch.tensor([0.0, 0.0, 2.0, 0.0])
    assert rung_of(batch._replace(embedding=embedding), monkeypatch) == LADDER[0]


def test_one_task_cannot_be_left_out_and_two_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same prompts: as a task of its own the second contradicts the first, which no rung mends."""
    assert rung_of(tasks_of((*MIXED, *("RIGHT",) * 16)), monkeypatch) == ladder_of(3, 1)[0]
    assert rung_of(tasks_of(MIXED, ("RIGHT",) * 16), monkeypatch) == LADDER[-1]


def test_of_a_pair_every_prompt_is_treated_alike() -> None:
    """Far or near, half the departures and the toll: who is familiar does not change the order of prompts."""
    batch = two_sides(120)._replace(quality=two_sides(120).quality[:, :2], usage=two_sides(120).usage[:, :2])
    stack = stacked(batch, [NEIGHBOURS])
    rows = torch.cat([batch.embedding[:2], torch.tensor([[1.0, 0.0, 3.0, 0.0]])])
    assert stack.familiarity(normalised(rows)).tolist() == [0.0] * 3
    mean = batch.quality.mean(dim=0)
    expected = mean + 0.5 * departure(stack, rows) - 0.05 * (torch.arange(2) != mean.argmax())
    torch.testing.assert_close(stack(rows).quality, expected.clamp(0.0, 1.0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("recipe", ["mlp", "routellm-sw"])
def test_who_cannot_be_a_member_is_named(recipe: str) -> None:
    with pytest.raises(ValueError, match=f"'{recipe}' cannot be stacked: a member is a closed form"):
        Stack(4, 2, members=[{"recipe": recipe}])


def test_a_wrong_setting_of_a_member_names_the_member() -> None:
    with pytest.raises(ValueError, match="'knn' has no setting 'kk'"):
        Stack(4, 2, members=[{"recipe": "knn", "kk": 3}])
