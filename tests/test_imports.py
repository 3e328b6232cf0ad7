"""What serving reaches stays light, and importing does nothing."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ["torch", "transformers", "pytorch_lightning", "pandas", "pyarrow", "sklearn", "datasets"]
ROOMS = ["data", "export", "routers", "serving", "training", "upstreams"]
LIGHT = [
    *(f"{room}/**/__init__.py" for room in ROOMS),
    "anabranch/*.py",
    "anabranch/commands/__init__.py",
    "data/answers.py",
    "data/arms.py",
    "data/outcomes.py",
    "data/preferences.py",
    "data/prices.py",
    "data/routing_text.py",
    "data/token_signals.py",
    "export/bundle.py",
    "export/manifest.py",
    "export/plan_session.py",
    "export/session.py",
    "routers/costing.py",
    "routers/estimates.py",
    "routers/registry.py",
    "routers/router.py",
    "routers/settings.py",
    "routers/deferral/*.py",
    "routers/encoders/registry.py",
    "routers/encoders/tokens.py",
    "routers/policies/*.py",
    "serving/**/*.py",
    "upstreams/**/*.py",
]

# What needs torch says so by where it stands: local models, what fuses them, and how the pocket ones are made.
HEAVY_BY_PLACE = (
    "anabranch.serving.fusion.during.",
    "anabranch.upstreams.local",
    "anabranch.upstreams.pocket.lessons",
    "anabranch.upstreams.pocket.muon",
    "anabranch.upstreams.pocket.train",
)

FIRST_HEAVY = """
import importlib, json, sys
names, heavy = json.load(sys.stdin)
brought = {}
for name in names:
    importlib.import_module(name)
    for package in heavy:
        if package in sys.modules:
            brought.setdefault(package, name)
print(json.dumps(brought))
"""

NEW_PACKAGES = """
import importlib, json, sys
before = set(sys.modules)
for name in json.load(sys.stdin):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)))
"""

# Third-party modules come first: what they do to the process is theirs.
SIDE_EFFECTS = """
import importlib, json, logging, os, random, sys, warnings
import numpy

def state():
    root = logging.getLogger()
    ours = [name for name in logging.Logger.manager.loggerDict if name.partition(".")[0] == "anabranch"]
    return {
        "root logger": [repr(root.handlers), root.level, root.manager.disable],
        "our loggers": [name for name in ours if logging.getLogger(name).handlers or logging.getLogger(name).level],
        "random": repr(random.getstate()),
        "numpy.random": repr(numpy.random.get_state()),
        "environment": dict(os.environ),
        "warning filters": repr(warnings.filters),
    }

third_party, names = json.load(sys.stdin)
for name in third_party:
    importlib.import_module(name)
changed = []
for name in names:
    before = state()
    importlib.import_module(name)
    changed += [f"{name}: {key}" for key, value in state().items() if value != before[key]]
sys.exit("\\n".join(changed) or 0)
"""


def modules(*patterns: str) -> list[str]:
    """Import names of the files that the patterns match; every pattern matches one."""
    names = set()
    for pattern in patterns:
        paths = [path.relative_to(ROOT).with_suffix("") for path in ROOT.glob(pattern)]
        assert paths, f"no file matches {pattern}"
        names |= {".".join(path.parts).removesuffix(".__init__") for path in paths}
    return sorted(name if name.partition(".")[0] == "anabranch" else f"anabranch.{name}" for name in names)


def third_party(*patterns: str) -> list[str]:
    """What the files that the patterns match import from elsewhere when they are imported."""
    names = set()
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {str(node.module)}
    return sorted(name for name in names if name.partition(".")[0] != "anabranch")


def python(code: str, given: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new process, in `folder`, with `given` as JSON on its standard input."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, input=json.dumps(given), cwd=folder, capture_output=True, text=True, check=False)


def printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_serving_reaches_brings_nothing_heavy(tmp_path: Path) -> None:
    light = [name for name in modules(*LIGHT) if not name.startswith(HEAVY_BY_PLACE)]
    assert printed(python(FIRST_HEAVY, [light, HEAVY], tmp_path)) == {}


def test_a_heavy_import_is_noticed(tmp_path: Path) -> None:
    assert printed(python(FIRST_HEAVY, [["json", "anabranch.routers.estimators.knn"], ["torch"]], tmp_path)) == {
        "torch": "anabranch.routers.estimators.knn"
    }


def test_policies_need_numpy_only(tmp_path: Path) -> None:
    policies = [name for name in modules("routers/policies/*.py") if not name.endswith(".registry")]
    assert set(printed(python(NEW_PACKAGES, policies, tmp_path))) == {"anabranch", "numpy"}


@pytest.mark.slow
def test_importing_prints_nothing_writes_nothing_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["anabranch/*.py", "anabranch/commands/*.py", *(f"{room}/**/*.py" for room in ROOMS)]
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANABRANCH_CACHE", str(folder / "cache"))

    done = python(SIDE_EFFECTS, [third_party(*files), modules(*files)], folder)

    assert done.stdout + done.stderr == ""
    assert done.returncode == 0
    assert list(folder.iterdir()) == []
    assert list(home.rglob("*anabranch*")) == []  # third-party packages may keep something there
