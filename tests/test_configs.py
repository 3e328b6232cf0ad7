"""Every YAML in configs/ fits the signature of the command it is for, named in its first line."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from anabranch.commands import COMMANDS
from anabranch.registry import resolve
from anabranch.routers.recipe import settings_of
from anabranch.serving.settings import ServeSettings
from anabranch.training.fit_options import FitOptions

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_config_fits_its_command(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    command, recipe = first.removeprefix("# anabranch ").split()[:2]
    options = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = set(inspect.signature(resolve(command, COMMANDS, "command")).parameters)
    if command == "serve":
        known = set(ServeSettings.model_fields)
    if command == "train":
        known |= {field.name for field in fields(FitOptions)}
        assert set(options["settings"]) <= set(settings_of(recipe))
    assert set(options) <= known


def test_there_are_configs() -> None:
    assert CONFIGS
