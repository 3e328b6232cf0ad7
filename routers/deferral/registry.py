"""Deferral policies and their parts by name, as plain JSON and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

from anabranch.registry import resolve

DEFERRALS: dict[str, str] = {
    "automix": "anabranch.routers.deferral.automix:AutoMix",
    "best-of-infinity": "anabranch.routers.deferral.best_of_infinity:BestOfInfinity",
    "budget-guard": "anabranch.routers.deferral.budget_guard:BudgetGuard",
    "cascade-routing": "anabranch.routers.deferral.cascade_routing:CascadeRouting",
    "consistency": "anabranch.routers.deferral.consistency:Consistency",
    "fuse-all": "anabranch.routers.deferral.fuse_all:FuseAll",
    "model-switch": "anabranch.routers.deferral.model_switch:ModelSwitch",
    "robon": "anabranch.routers.deferral.robon:RoBoN",
    "semantic-agreement": "anabranch.routers.deferral.semantic_agreement:SemanticAgreement",
    "speculative": "anabranch.routers.deferral.speculative:Speculative",
    "suitable-chain": "anabranch.routers.deferral.suitable_chain:SuitableChain",
    "threshold-chain": "anabranch.routers.deferral.threshold_chain:ThresholdChain",
    "time-sharing": "anabranch.routers.deferral.time_sharing:TimeSharing",
    "unsure-pair": "anabranch.routers.deferral.unsure_pair:UnsurePair",
}

PARTS: dict[str, str] = {
    "affine-signal": "anabranch.routers.deferral.affine_signal:AffineSignal",
    "chance": "anabranch.routers.deferral.chance:Chance",
    "gaussian-belief": "anabranch.routers.deferral.gaussian_belief:GaussianBelief",
    "isp": "anabranch.routers.deferral.isp:ISP",
    "majority": "anabranch.routers.deferral.majority:Majority",
    "network-signal": "anabranch.routers.deferral.network_signal:NetworkSignal",
    "post-hoc-signal": "anabranch.routers.deferral.post_hoc_signal:PostHocSignal",
    "scorer": "anabranch.routers.deferral.scorer:Scorer",
    "sigmoid": "anabranch.routers.deferral.signal_maps:Sigmoid",
    "steps": "anabranch.routers.deferral.signal_maps:Steps",
    "weighted-vote": "anabranch.routers.deferral.weighted_vote:WeightedVote",
}
"""What policies and signals are made of."""

KIND, FLOAT = "kind", "float"


def to_plain(part: Any) -> Any:
    """A policy, a signal or what they are made of as JSON values; floats that are not finite become `{"float": "inf"}`.

    Raises:
        ValueError: it is of no registered kind.

    >>> from anabranch.routers.deferral.threshold_chain import ThresholdChain
    >>> to_plain(ThresholdChain((0, 1), (0.5,), "chance"))
    {'kind': 'threshold-chain', 'models': [0, 1], 'thresholds': [0.5], 'signal': 'chance'}
    """
    if is_dataclass(part) and not isinstance(part, type):
        # what equality ignores is a cache, or loaded anew
        given = {field.name: to_plain(getattr(part, field.name)) for field in fields(part) if field.compare}
        return {KIND: _name_of(type(part)), **given}
    if isinstance(part, tuple | list):
        return [to_plain(one) for one in part]
    return {FLOAT: str(part)} if isinstance(part, float) and not isfinite(part) else part


def from_plain(plain: Any) -> Any:
    """The part that `to_plain` wrote; nothing but registered kinds is ever made.

    Raises:
        ValueError: no such kind, or its settings are wrong.

    >>> from_plain({"kind": "threshold-chain", "models": [0, 1], "thresholds": [{"float": "-inf"}], "signal": "chance"})
    ThresholdChain(models=(0, 1), thresholds=(-inf,), signal='chance')
    """
    if isinstance(plain, list):
        return tuple(from_plain(one) for one in plain)
    if not isinstance(plain, Mapping):
        return plain
    if FLOAT in plain:
        return float(plain[FLOAT])
    kind, known = plain.get(KIND), DEFERRALS | PARTS
    if kind not in known:
        raise ValueError(f"unknown part of a cascade {kind!r}; known: {', '.join(sorted(known))}")
    settings = {name: from_plain(value) for name, value in plain.items() if name != KIND}
    try:
        return resolve(kind, known, "part of a cascade")(**settings)
    except TypeError as error:
        raise ValueError(f"{kind!r} cannot be made of {sorted(settings)}: {error}") from error


def _name_of(kind: type) -> str:
    path = f"{kind.__module__}:{kind.__qualname__}"
    for name, known in (DEFERRALS | PARTS).items():
        if known == path:
            return name
    raise ValueError(f"{path} is no registered part of a cascade, and so cannot be written down")
