"""Who may import whom. The front door (`__main__` and the commands) alone sees every room.

upstreams <- data <- routers <- serving/fusion <- training
                        ^            ^
                     export <---- serving
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEES: dict[str, set[str]] = {
    "upstreams": set(),
    "data": {"upstreams"},
    "routers": {"upstreams", "data"},
    "export": {"upstreams", "data", "routers"},
    "serving.fusion": {"upstreams", "data", "routers"},
    "serving": {"upstreams", "data", "routers", "export", "serving.fusion"},
    "training": {"upstreams", "data", "routers", "serving.fusion"},
    "registry": set(),  # under every room, so it sees none
    "__init__": set(),
}
UNDER_ALL = {"anabranch", "anabranch.__version__", "anabranch.registry"}


def room_of(name: str) -> str | None:
    """The room of a dotted name below `anabranch.`, the innermost if two hold it."""
    holding = [room for room in SEES if f"{name}.".startswith(f"anabranch.{room}.")]
    return max(holding, key=len, default=None)


def imported(source: str) -> list[str]:
    """Dotted names that a source imports anywhere in it; `from a import b` is a.b, a relative one begins with a dot."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return sorted(names)


def against_the_arrows(room: str, source: str) -> list[str]:
    """The names that a file of `room` may not import."""
    ours = [name for name in imported(source) if name.split(".")[0] in {"", "anabranch", *SEES}]
    allowed = SEES[room] | {room, "registry"}
    return [name for name in ours if name not in UNDER_ALL and room_of(name) not in allowed]


def room_files() -> list[tuple[str, Path]]:
    rooms = {room.partition(".")[0] for room in SEES} - {"registry", "__init__"}
    files = [path for room in sorted(rooms) for path in sorted((ROOT / room).rglob("*.py"))]
    named = [(room_of(".".join(("anabranch", *path.relative_to(ROOT).with_suffix("").parts))), path) for path in files]
    door = [(name, ROOT / "anabranch" / f"{name}.py") for name in ("registry", "__init__")]
    return [(room, path) for room, path in named if room] + door


def test_no_import_runs_against_the_arrows() -> None:
    wrong = {str(path): against_the_arrows(room, path.read_text(encoding="utf-8")) for room, path in room_files()}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("export", "from anabranch.training.fit import fit"),
        ("training", "from anabranch.export import bundle"),
        ("training", "def late():\n    import anabranch.serving.gateway"),
        ("serving.fusion", "from anabranch.serving import gateway"),
        ("serving.fusion", "from anabranch.export.session import Session"),
        ("data", "from anabranch import routers"),
        ("routers", "import routers.registry"),
        ("routers", "from . import registry"),
        ("routers", "from .registry import ROUTERS"),
        ("routers", "from anabranch.commands import train"),
        ("routers", "from anabranch.__main__ import main"),
        ("registry", "from anabranch.routers.registry import ROUTERS"),
    ],
)
def test_what_the_arrows_forbid(room: str, source: str) -> None:
    assert len(against_the_arrows(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("routers", "from anabranch.data.outcomes import Outcomes"),
        ("routers", "from anabranch.routers.estimates import Estimates"),
        ("training", "from anabranch.serving.fusion.gate import Gate"),
        ("training", "from anabranch.serving import fusion"),
        ("serving", "import anabranch.serving.fusion.gate, anabranch.export.session"),
        ("export", "from anabranch import __version__"),
        ("data", "from anabranch.registry import resolve"),
        ("data", "import json, datasets"),
    ],
)
def test_what_the_arrows_allow(room: str, source: str) -> None:
    assert against_the_arrows(room, source) == []
