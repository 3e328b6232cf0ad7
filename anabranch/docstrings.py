"""What the source says about an object, read without importing it: lists of methods must not need torch."""

import ast
from importlib.util import find_spec
from pathlib import Path


def first_sentence(path: str) -> str:
    """The first line of the docstring of `package.module:name`.

    >>> first_sentence("anabranch.docstrings:first_sentence")
    'The first line of the docstring of `package.module:name`.'
    """
    text = ast.get_docstring(_definition(path)) or ""
    return text.partition("\n")[0]


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


def _definition(path: str) -> ast.ClassDef | ast.FunctionDef:
    module, _, name = path.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"no module {module!r} behind {path!r}")
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    raise ValueError(f"module {module!r} defines no {name!r}")
