"""Policies by name, and their settings as JSON."""

from dataclasses import asdict
from typing import Any, cast

from pydantic import TypeAdapter

from anabranch.registry import resolve
from anabranch.routers.policies.policy import Policy

POLICIES: dict[str, str] = {
    "argmax-utility": "anabranch.routers.policies.argmax_utility:ArgmaxUtility",
    "cheapest-above": "anabranch.routers.policies.cheapest_above:CheapestAbove",
    "conditioned": "anabranch.routers.policies.conditioned:Conditioned",
    "threshold-pair": "anabranch.routers.policies.threshold_pair:ThresholdPair",
    "ucb": "anabranch.routers.policies.ucb:UCB",
}


def load_policy(name: str, settings: dict[str, Any]) -> Policy:
    """Build a policy from its name and settings; unknown names and wrong settings are errors.

    >>> load_policy("ucb", {"alpha": 2.0}).alpha
    2.0
    """
    policy_class = resolve(name, POLICIES, "policy")
    return cast(Policy, TypeAdapter(policy_class).validate_python(settings))


def policy_settings(policy: Policy) -> dict[str, Any]:
    """The settings `load_policy` reads back; plain JSON values.

    >>> from anabranch.routers.policies.ucb import UCB
    >>> policy_settings(UCB(alpha=2.0))
    {'alpha': 2.0, 'inner': {'scale_usd': 1.0}}
    """
    return asdict(cast(Any, policy))
