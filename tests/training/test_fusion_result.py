"""Models that write together, measured by hand on four prompts."""

from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.training.evaluate import evaluate
from anabranch.training.fusion_result import FusedAnswers
from anabranch.training.report.contents import FusionResult

QUALITY = [[1, 0], [0, 1], [0, 1], [1, 1]]
COST = [[1, 3]] * 4


def table(**options: Any) -> Outcomes:
    return Outcomes.from_arrays(["cheap", "dear"], QUALITY, **options)


def answers(members: Outcomes | None, **more: Any) -> FusedAnswers:
    given = FusedAnswers(
        name="both",
        quality=np.array([1.0, 1.0, 1.0, 0.0]),
        prompt_tokens=np.array([10.0, 10.0, 20.0, 20.0]),
        computed_tokens=np.array([2.0, 4.0, 6.0, 8.0]),
        cost_usd=np.array([4.0, 4.0, 4.0, 4.0]),
        priced="by hand",
        members=members,
        members_on_train=members,
    )
    return replace(given, **more)


def measure(test: Outcomes, fused: FusedAnswers) -> FusionResult:
    found = evaluate([], test, test, labels="hand", fused=fused, replicates=50).fusion
    assert found is not None
    return found


def test_figures_by_hand() -> None:
    """Right on 3 of 4 prompts as dear is, which is the best single model, at 4/3 of its cost: no mix is dearer."""
    priced = table(cost_usd=COST)
    found = measure(priced, answers(priced))
    assert (found.row.kind, found.row.quality.value, found.row.gain.value) == ("fusion", 0.75, 0.0)
    assert found.row.cost is not None and found.row.cost.value == 4.0
    assert (found.verdict.gain.value, found.verdict.word) == (0.0, "not enough data")
    assert (found.best_member, found.over_best_member.value) == ("dear", 0.0)
    assert [(row.name, row.quality.value, row.cost and row.cost.value) for row in found.members] == [
        ("cheap", 0.5, 1.0),
        ("dear", 0.75, 3.0),
    ]
    assert (found.prompt_tokens.value, found.computed_tokens.value) == (15.0, 5.0)
    # right where dear is wrong and wrong where it is right: the difference is paired, and may be either
    assert found.over_best_member.low < 0 < found.over_best_member.high


def test_a_fusion_that_is_always_better_is_to_be_fused() -> None:
    """On 120 prompts, at the cost of half and half of the two models, which are right in 1/4.

    No labels have to be earned back.
    """
    many = Outcomes.from_arrays(["cheap", "dear"], [[0, 1], [0, 0]] * 60, cost_usd=[[1, 3]] * 120)
    one = {"quality": np.ones(120), "prompt_tokens": np.ones(120), "computed_tokens": np.ones(120)}
    found = measure(many, answers(many, **one, cost_usd=np.full(120, 2.0)))
    assert found.verdict.word == "fuse" and found.verdict.break_even_requests is None
    assert found.verdict.gain.value == pytest.approx(
        0.75
    )  # half and half of the two cost 2 as well, and are right in 1/4
    worse = measure(many, answers(many, **{**one, "quality": np.zeros(120)}, cost_usd=np.full(120, 2.0)))
    assert worse.verdict.word == "do not fuse"


def test_without_a_cost_it_is_judged_by_its_quality() -> None:
    priced = table(cost_usd=COST)
    found = measure(priced, answers(priced, cost_usd=None))
    assert found.row.cost is None and "against the best single model" in found.verdict.because


def test_where_costs_are_no_usd_its_own_says_nothing() -> None:
    found = measure(table(), answers(table()))
    assert found.row.cost is None and all(row.cost is None for row in found.members)


def test_without_recorded_members_nothing_is_compared() -> None:
    found = measure(table(cost_usd=COST), answers(None))
    assert (found.members, found.best_member) == ((), "")
    assert isnan(found.over_best_member.value)
