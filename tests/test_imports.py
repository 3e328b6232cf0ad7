"""What serving reaches stays light, and importing does nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ["torch", "transformers", "pytorch_lightning", "pandas", "pyarrow", "sklearn", "datasets"]
ROOMS = ["data", "export", "routers", "serving", "training", "upstreams"]
LIGHT = [
    *(f"{room}/**/__init__.py" for room in ROOMS),
    "anabranch/*.py",
    "anabranch/commands/__init__.py",
    "data/arms.py",
    "data/outcomes.py",
    "data/preferences.py",
    "data/prices.py",
    "data/routing_text.py",
    "export/bundle.py",
    "export/manifest.py",
    "export/session.py",
    "routers/costing.py",
    "routers/estimates.py",
    "routers/registry.py",
    "routers/router.py",
    "routers/settings.py",
    "routers/encoders/registry.py",
    "routers/encoders/tokens.py",
    "routers/policies/*.py",
    "serving/**/*.py",
    "upstreams/**/*.py",
]
NEEDS_TORCH = {"anabranch.upstreams.local"}

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

# Third-party packages come first: what they do to the process when imported is theirs.
SIDE_EFFECTS = """
import importlib, json, logging, os, random, sys, warnings
names, packages = json.load(sys.stdin)
for package in packages:
    importlib.import_module(package)
import numpy

def state():
    root = logging.getLogger()
    ours = [name for name in logging.Logger.manager.loggerDict if name.partition(".")[0] == "anabranch"]
    handlers = [repr(logging.getLogger(name).handlers) for name in ours if logging.getLogger(name).handlers]
    return {
        "root logger": (repr(root.handlers), root.level, logging.root.manager.disable),
        "handlers of our loggers": handlers,
        "random": hash(random.getstate()),
        "numpy.random": repr(numpy.random.get_state()),
        "environment": dict(os.environ),
        "warning filters": repr(warnings.filters),
    }

changed = {}
for name in names:
    before = state()
    importlib.import_module(name)
    after = state()
    changed |= {f"{name}: {key}": [before[key], after[key]] for key in before if before[key] != after[key]}
print(json.dumps(changed), file=sys.stderr)
"""
