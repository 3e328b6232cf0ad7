"""A recipe: a method as its paper names it, made of parts with defaults."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args, get_origin

from anabranch.registry import resolve
from anabranch.routers.estimators.estimator import Descent, Estimator, GradientTrained, Specification
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
        descent: how a gradient-trained estimator descends; the class's own if None.
        source: the paper.
        specification: how the method is known, see `Estimator`.
    """

    estimator: type[Estimator]
    settings: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "argmax-utility"
    policy_settings: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[int, ...] = (1,)
    descent: Descent | None = None
    source: str = ""
    specification: Specification = "ours"

    def build(self, width: int, arms: int) -> Estimator:
        """The estimator for embeddings of `width` and `arms` arms."""
        built = self.estimator(width, arms, **self.settings)
        if isinstance(built, GradientTrained) and self.descent is not None:
            built.descent = self.descent
        return built


def recipe_of(name: str, settings: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe behind a registry name or `package.module:Class`.

    A row may be an estimator class, which is its own recipe, or a function that returns a `Recipe`. The fields of
    `Descent` are settings wherever the estimator, which a function may choose by its settings, learns by gradients.

    Raises:
        ValueError: no such router, a setting it does not have, or a word that is none of a setting's.

    >>> recipe_of("knn", {"k": 8}).settings
    {'k': 8}
    >>> recipe_of("mlp", {"epochs": 2}).build(width=8, arms=2).descent.epochs
    2
    """
    chosen = dict(settings or {})
    _refuse_unknown_words(name, chosen)
    known = settings_of(name, chosen)
    for key in chosen:
        if key not in known:
            options = ", ".join(f"{setting}={default!r}" for setting, default in known.items())
            raise ValueError(f"{name!r} has no setting {key!r}; its settings: {options}")
    steps = {key: chosen.pop(key) for key in asdict(Descent()) if key in chosen}
    made = _made(name, chosen)
    return replace(made, descent=replace(own, **steps)) if (own := _descent_of(made)) else made


def settings_of(name: str, chosen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a registry row and their defaults.

    Args:
        name: a registry name or `package.module:Class`.
        chosen: settings already made, which may choose the estimator and so whether there is a descent to set.

    >>> settings_of("linucb")
    {'l2': 1.0, 'alpha': 1.0}
    >>> settings_of("carrot", {"estimates": "mlp"})["epochs"]
    30
    """
    parameters = inspect.signature(resolve(name, ROUTERS, "router")).parameters.values()
    own = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    descent = _descent_of(_made(name, {key: value for key, value in (chosen or {}).items() if key in own}))
    return own | (asdict(descent) if descent else {})


def _refuse_unknown_words(name: str, chosen: Mapping[str, Any]) -> None:
    # a misspelt form would be the default form, and nobody would know
    for key, parameter in inspect.signature(resolve(name, ROUTERS, "router")).parameters.items():
        words = get_args(parameter.annotation) if get_origin(parameter.annotation) is Literal else ()
        if words and chosen.get(key, words[0]) not in words:
            raise ValueError(f"{name}: unknown {key} {chosen[key]!r}; known: {', '.join(map(str, words))}")


def _made(name: str, settings: Mapping[str, Any]) -> Recipe:
    row = resolve(name, ROUTERS, "router")
    if isinstance(row, type) and issubclass(row, Estimator):
        return Recipe(row, settings, policy=row.policy, source=row.source, specification=row.specification)
    made: Recipe = row(**settings)
    return made


def _descent_of(recipe: Recipe) -> Descent | None:
    return recipe.descent or recipe.estimator.descent if issubclass(recipe.estimator, GradientTrained) else None
