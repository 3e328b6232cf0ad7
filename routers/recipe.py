"""A recipe: a method as its paper names it, made of parts with defaults."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch.registry import resolve
from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.registry import ROUTERS


@dataclass(frozen=True)
class Recipe:
    """What a method is made of.

    Args:
        estimator: its class.
        settings: the class's keyword arguments.
        policy: registry name of the policy.
        policy_settings: the policy's keyword arguments.
        samples: an arm a model and number of samples, e.g. (1, 3); (1,) is the plain models.
    """

    estimator: type[Estimator]
    settings: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "argmax-utility"
    policy_settings: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[int, ...] = (1,)

    def build(self, width: int, arms: int) -> Estimator:
        """The estimator for embeddings of `width` and `arms` arms."""
        return self.estimator(width, arms, **self.settings)


def recipe_of(name: str, settings: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe behind a registry name or `package.module:Class`.

    A row may be an estimator class, which is its own recipe, or a function that returns a `Recipe`.

    Raises:
        ValueError: no such router, or a setting it does not have.

    >>> recipe_of("knn", {"k": 8}).settings
    {'k': 8}
    """
    row = resolve(name, ROUTERS, "router")
    chosen = dict(settings or {})
    known = settings_of(name)
    for key in chosen:
        if key not in known:
            options = ", ".join(f"{setting}={default!r}" for setting, default in known.items())
            raise ValueError(f"{name!r} has no setting {key!r}; its settings: {options}")
    if isinstance(row, type) and issubclass(row, Estimator):
        return Recipe(row, chosen, policy=row.policy)
    made: Recipe = row(**chosen)
    return made


def settings_of(name: str) -> dict[str, Any]:
    """The settings of a registry row and their defaults.

    >>> settings_of("linucb")
    {'l2': 1.0, 'alpha': 1.0}
    """
    parameters = inspect.signature(resolve(name, ROUTERS, "router")).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
