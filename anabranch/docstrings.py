"""What the source says about an object, read without importing it: lists of methods must not need torch."""

import ast
import inspect
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def first_sentence(path: str) -> str:
    """The first line of the docstring of `package.module:name`.

    >>> first_sentence("anabranch.docstrings:first_sentence")
    'The first line of the docstring of `package.module:name`.'
    """
    text = ast.get_docstring(_definition(path)) or ""
    return text.partition("\n")[0]


def argument(function: Callable[..., Any], name: str) -> str:
    """What the docstring of a function says of an argument, in its first line; empty if nothing.

    >>> argument(argument, "name")
    'of the argument.'

    Args:
        function: with a docstring like this one.
        name: of the argument.
    """
    found = re.search(rf"^ +{name}: (.+)$", inspect.getdoc(function) or "", re.MULTILINE)
    return found[1] if found else ""


def stated(path: str, name: str) -> str:
    """A string that a class assigns to `name` in its body, or a function passes to what it calls; empty if none does.

    >>> stated("anabranch.routers.recipes.linucb:linucb", "policy")
    'ucb'
    """
    for node in ast.walk(_definition(path)):
        if isinstance(node, ast.Assign):
            named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        else:
            named = isinstance(node, ast.keyword) and node.arg == name
        if named and isinstance(node.value, ast.Constant):  # type: ignore[attr-defined]
            return str(node.value.value)  # type: ignore[attr-defined]
    return ""


def fields_of(path: str) -> dict[str, str]:
    """The fields that a class declares in its body, and their types as they are written there.

    >>> fields_of("anabranch.serving.fusion.during.unite:UniTE")
    {'k': 'int'}
    """
    declared = (node for node in _definition(path).body if isinstance(node, ast.AnnAssign))
    return {node.target.id: ast.unparse(node.annotation) for node in declared if isinstance(node.target, ast.Name)}


def _definition(path: str) -> ast.ClassDef | ast.FunctionDef:
    module, _, name = path.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"no module {module!r} behind {path!r}")
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    raise ValueError(f"module {module!r} defines no {name!r}")
