"""Run as a script: puts limits on its own process, looks at a file of Python, and becomes it.

It stands alone, without anything of this package, since it is started by its path in an isolated interpreter.
"""

import ast
import json
import os
import resource
import sys
from collections.abc import Mapping


def refusal(source: bytes) -> str:
    """Why a file will not be run; empty if it will.

    >>> refusal(b"name = input('Who?')"), refusal(b"1 +")
    ('it calls input(), and nobody is there to answer', 'it does not parse: invalid syntax (line 1)')
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"it does not parse: {error.msg}" + (f" (line {error.lineno})" if error.lineno else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it does not parse: {type(error).__name__}"
    return "it calls input(), and nobody is there to answer" if any(map(_asks, ast.walk(tree))) else ""


def limit(limits: Mapping[str, int]) -> None:
    """Put hard limits on this process and all that it starts, by the end of their names in `resource`."""
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def main(path: str, limits: str, report: int) -> None:
    """Become the file, or write to the descriptor `report` why not."""
    # whoever started this process may say something of its own on its stderr
    os.dup2(1, 2)
    limit(json.loads(limits))
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than all else here
        why = refusal(file.read())
    if why:
        os.write(report, why.encode()[:4096])
        sys.exit(1)
    # the code must not be able to say that it was refused
    os.set_inheritable(report, False)
    # nothing is buffered, so that what is stopped has said all that it said
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-u", "-X", "utf8", path])


def _asks(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "input"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
