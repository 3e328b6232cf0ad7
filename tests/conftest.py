"""What every test runs under: a home of its own, no network, examples drawn the same way each time."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

# Explore with `pytest --hypothesis-profile=default`.
settings.register_profile("same-examples", derandomize=True, deadline=None)
settings.load_profile("same-examples")


def pytest_configure(config: pytest.Config) -> None:
    """Point everything that writes to the user's home at an empty folder, before anything is imported."""
    if hasattr(config, "workerinput"):  # a worker inherits the environment of the process that started it
        return
    home = Path(tempfile.mkdtemp(prefix="anabranch-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home))
    environment = pytest.MonkeyPatch()
    config.add_cleanup(environment.undo)
    environment.setenv("HOME", str(home))
    environment.setenv("ANABRANCH_CACHE", str(home / "cache"))
    environment.setenv("MPLCONFIGDIR", str(home / "matplotlib"))  # its list of fonts, made when it is imported
    environment.setenv("HF_HUB_OFFLINE", "1")
    environment.setenv("ORT_DISABLE_TELEMETRY", "1")  # else importing onnxruntime keeps a device id in the home
    environment.setenv("WANDB_MODE", "offline")
    for name in ("HF_HOME", "WANDB_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # beside tmp_path, not in it, so that a test may list what it wrote
    monkeypatch.setenv("ANABRANCH_CACHE", f"{tmp_path}-cache")


def unlisted(skipped: list[str], allowed: list[str]) -> list[str]:
    """The skipped test ids that no line allows; a line is a test, a file, or a test with all its parameters."""
    return [test for test in skipped if not any(_covers(line, test) for line in allowed)]


def _covers(line: str, test: str) -> bool:
    return test == line or test.startswith((f"{line}::", f"{line}["))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI is set, a skip that allowed_skips.txt does not list fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    lines = [line.partition("#")[0].strip() for line in ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()]
    extra = unlisted([report.nodeid for report in reporter.stats.get("skipped", [])], lines)
    if extra:
        reporter.write_line("")
        for test in extra:
            reporter.write_line(f"skipped, but tests/allowed_skips.txt does not list it: {test}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
