"""Policies by name, and their settings as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from pydantic import TypeAdapter

from anabranch.registry import resolve
from anabranch.routers.estimates import QualityKind
from anabranch.routers.policies.policy import Policy

POLICIES: dict[str, str] = {
    "argmax-utility": "anabranch.routers.policies.argmax_utility:ArgmaxUtility",
    "budget-cap": "anabranch.routers.policies.budget_cap:BudgetCap",
    "cheapest-above": "anabranch.routers.policies.cheapest_above:CheapestAbove",
    "conditioned": "anabranch.routers.policies.conditioned:Conditioned",
    "dual-price": "anabranch.routers.policies.dual_price:DualPrice",
    "random": "anabranch.routers.policies.random_arm:RandomArm",
    "risk-controlled": "anabranch.routers.policies.risk_controlled:RiskControlled",
    "set-valued": "anabranch.routers.policies.set_valued:SetValued",
    "threshold-pair": "anabranch.routers.policies.threshold_pair:ThresholdPair",
    "ucb": "anabranch.routers.policies.ucb:UCB",
}

CALIBRATED_ONLY = ("cheapest-above", "dual-price", "risk-controlled", "set-valued")
"""Rows that read an estimate as expected quality: against a floor, against money, or as a chance of being right."""


def load_policy(name: str, settings: dict[str, Any]) -> Policy:
    """Build a policy from its name and settings.

    Raises:
        ValueError: no such policy, a setting it does not have, or a value of the wrong type.

    >>> load_policy("ucb", {"alpha": 2.0}).alpha
    2.0
    """
    policy_class = resolve(name, POLICIES, "policy")
    policy = cast(Policy, TypeAdapter(policy_class).validate_python(settings))
    _refuse_unknown(name, settings, policy_settings(policy))
    return policy


def refuse_uncalibrated(name: str, quality_kind: QualityKind) -> None:
    """Refuse estimates that a policy would misread.

    Raises:
        ValueError: the policy is for expected quality, and the estimates are win rates or scores.

    >>> refuse_uncalibrated("dual-price", "calibrated")
    """
    if name in CALIBRATED_ONLY and quality_kind != "calibrated":
        raise ValueError(
            f"policy {name!r} reads estimates as expected quality in [0, 1], and this router's are of the kind "
            f"{quality_kind!r}: calibrate them, or choose argmax-utility or budget-cap"
        )


def policy_settings(policy: Policy) -> dict[str, Any]:
    """The settings `load_policy` reads back; plain JSON values.

    >>> from anabranch.routers.policies.ucb import UCB
    >>> policy_settings(UCB(alpha=2.0))
    {'alpha': 2.0, 'inner': {'scale_usd': 1.0}}
    """
    return asdict(cast(Any, policy))


def _refuse_unknown(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"policy {name!r} has no setting {key!r}; its settings: {', '.join(known)}")
        if isinstance(known[key], dict):
            _refuse_unknown(f"{name}.{key}", value, known[key])
