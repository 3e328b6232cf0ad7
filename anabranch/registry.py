"""Registries: dicts from the name a user types to `package.module:attribute`, resolved when asked for."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any


def resolve(name: str, registry: Mapping[str, str], kind: str) -> Any:
    """The object behind a name, or behind `package.module:attribute` itself.

    Args:
        name: a key of `registry`, or the path of an object anywhere.
        registry: names to paths.
        kind: what the registry holds, for the error.

    Raises:
        ValueError: no such name, and the message lists the known ones; or what the path names cannot be imported.

    >>> resolve("root", {"root": "math:isqrt"}, "function")(17)
    4
    """
    path = path_of(name, registry, kind)
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"cannot import {kind} {path!r} (package.module:attribute): {error}") from error


def path_of(name: str, registry: Mapping[str, str], kind: str) -> str:
    """The path behind a name, which nothing is imported for; a path stands for itself.

    Args:
        name: a key of `registry`, or a path.
        registry: names to paths.
        kind: what the registry holds, for the error.

    Raises:
        ValueError: no such name, and the message lists the known ones.

    >>> path_of("root", {"root": "math:isqrt"}, "function")
    'math:isqrt'
    """
    if name not in registry and ":" not in name:
        near = get_close_matches(name, registry, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"unknown {kind} {name!r}{hint}; known: {', '.join(sorted(registry))}")
    return registry.get(name, name)
