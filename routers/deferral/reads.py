"""What a plan reads of answers, and so what whoever serves it has to find out."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.threshold_chain import NO_SIGNAL

NAMES_SIGNALS = ("reads", "signal", "signals")
"""The fields in which policies and their parts name the signals that they read."""


def signals_read(plan: Plan) -> frozenset[str]:
    """Names of the signals that the plan's policies and signals read and that it does not work out itself.

    A scorer reads texts.

    >>> from anabranch.routers.deferral.chance import Chance
    >>> from anabranch.routers.deferral.plan import Stop
    >>> from anabranch.routers.deferral.threshold_chain import ThresholdChain
    >>> stop = Stop(ThresholdChain((0, 1), (0.5,), "chance"), 0.8, 0.01)
    >>> sorted(signals_read(Plan("p", ("small", "large"), (stop,), (Chance("chance", "logprob_min", ()),))))
    ['logprob_min']
    """
    made: set[str] = set()
    read: set[str] = set()
    for signal in plan.signals:
        read |= _named_in(signal) - made
        made.add(signal.name)
    for stop in plan.stops:
        read |= _named_in(stop.policy) - made
    return frozenset(read)


def keeps_budget(plan: Plan) -> bool:
    """Whether a policy of the plan has to know what calls cost."""
    return any(isinstance(part, BudgetGuard) for stop in plan.stops for part in _parts(stop.policy))


def _named_in(part: Any) -> set[str]:
    names: set[str] = set()
    for inner in _parts(part):
        for name in NAMES_SIGNALS:
            value = getattr(inner, name, ())
            names |= {value} if isinstance(value, str) else set(value)
    return names - {NO_SIGNAL}


def _parts(part: Any) -> Iterator[Any]:
    """A policy or signal, and all that it is made of."""
    if isinstance(part, tuple):
        for one in part:
            yield from _parts(one)
    elif is_dataclass(part):
        yield part
        for field in fields(part):
            yield from _parts(getattr(part, field.name))
