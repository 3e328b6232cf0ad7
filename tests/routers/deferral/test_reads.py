"""Which signals a plan needs from outside."""

from dataclasses import fields
from typing import Any

import pytest

from anabranch.registry import resolve
from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.post_hoc_signal import PostHocSignal
from anabranch.routers.deferral.reads import NAMES_SIGNALS, keeps_budget, signals_read
from anabranch.routers.deferral.registry import DEFERRALS, PARTS
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.threshold_chain import NO_SIGNAL, ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing

BELIEF = GaussianBelief(("tokens",), (0.5,), (0.5, 0.0), ((1.0,), (0.0,)), ((0.04, 0.1), (0.1, 1.0)))
CHAIN = ThresholdChain((0, 1), (0.5,), "chance")
RULE = AffineSignal(("logprob_mean", "scorer"), (), (0.0, 0.0), (1.0, 1.0), 0.0)


def plan(*policies: Deferral, signals: tuple[Signal, ...] = ()) -> Plan:
    return Plan("p", ("a", "b", "c"), tuple(Stop(policy, 0.5, 1.0) for policy in policies), signals)


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (plan(CHAIN), {"chance"}),
        (plan(CHAIN, signals=(Chance("chance", "logprob_min", ()),)), {"logprob_min"}),
        (plan(CHAIN, signals=(Scorer("scorer", "f"), Chance("chance", "scorer", ()))), set()),
        (plan(CHAIN, signals=(Chance("chance", "scorer", ()), Scorer("scorer", "f"))), {"scorer"}),
        (plan(CHAIN, signals=(Scorer("scorer", "f"), PostHocSignal("chance", (RULE, None)))), {"logprob_mean"}),
        (plan(ThresholdChain((0,), (), NO_SIGNAL), SemanticAgreement((0, 1, 2))), set()),
        (plan(SemanticAgreement((0, 1, 2)), CascadeRouting((0,), BELIEF, lam=1.0)), {"tokens"}),
        (plan(BudgetGuard(TimeSharing(CHAIN, ThresholdChain((0,), (), "tokens"), 0.5), 1.0)), {"chance", "tokens"}),
    ],
)
def test_signals_that_come_from_outside(made: Plan, read: set[str]) -> None:
    """What a signal makes before it is read is not asked for; what is made too late is."""
    assert signals_read(made) == read


def test_budgets_are_seen_inside_other_policies() -> None:
    assert not keeps_budget(plan(CHAIN))
    assert keeps_budget(plan(CHAIN, TimeSharing(CHAIN, BudgetGuard(CHAIN, 1.0), 0.5)))


TEXT_FIELDS = {
    "always": "answers at which AutoMix goes on",
    "answer": "which of its candidates RoBoN gives",
    "file": "of a scorer",
    "form": "of agreement",
    "name": "under which a signal is found",
}


@pytest.mark.parametrize("kind", sorted(DEFERRALS | PARTS))
def test_no_part_names_a_signal_in_a_field_of_another_name(kind: str) -> None:
    """A field that holds text names signals, or is known not to."""
    part: Any = resolve(kind, DEFERRALS | PARTS, "part")
    typed = {field.name: str(field.type) for field in fields(part) if field.init}
    texts = {name for name, kind in typed.items() if "str" in kind or "Literal" in kind}
    assert texts <= {*NAMES_SIGNALS, *TEXT_FIELDS}
