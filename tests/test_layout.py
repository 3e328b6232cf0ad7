"""The house stands as pyproject.toml says: packages, links, and files a person can read in one go."""

import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "export", "routers", "serving", "training", "upstreams")
VAGUE = {"common", "handler", "handlers", "helper", "helpers", "manager", "managers", "util", "utils"}
MAX_LINES = 400


def setuptools_table() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["tool"]["setuptools"]
    return table


def house_files(pattern: str) -> list[Path]:
    """Files of the rooms and of the front door, each once: the links in anabranch/ are not followed."""
    door = [path for path in ROOT.glob(f"anabranch/{pattern}") if not path.is_symlink()]
    own = [path for path in (ROOT / "anabranch").iterdir() if path.is_dir() and not path.is_symlink()]
    inside = [path for folder in (*(ROOT / room for room in ROOMS), *own) for path in folder.rglob(pattern)]
    return sorted(path for path in door + inside if path.is_file())


def package_of(folder: Path) -> str:
    """The import name of a folder: rooms stand at the root, the namespace in anabranch/."""
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "anabranch" else ("anabranch", *parts))


def test_the_package_list_is_every_folder_with_an_init() -> None:
    found = {package_of(path.parent) for path in house_files("__init__.py")}
    listed = setuptools_table()["packages"]
    assert sorted(found) == listed


def test_every_folder_with_python_files_is_a_package() -> None:
    bare = {path.parent for path in house_files("*.py")} - {path.parent for path in house_files("__init__.py")}
    assert bare == set()


def test_the_folder_map_is_true_and_complete() -> None:
    table = setuptools_table()
    folders = {package_of(ROOT / folder): folder for folder in table["package-dir"].values()}
    assert table["package-dir"] == folders
    assert sorted(folders) == table["packages"]


@pytest.mark.parametrize("room", ROOMS)
def test_the_namespace_links_to_the_room(room: str) -> None:
    link = ROOT / "anabranch" / room
    assert link.is_symlink(), f"{link} must be a symbolic link; git made a file of it"
    assert link.readlink() == Path("..", room)
    assert link.is_dir()


def test_the_namespace_links_to_nothing_else() -> None:
    links = {path.name for path in (ROOT / "anabranch").iterdir() if path.is_symlink()}
    assert links == set(ROOMS)


def test_ruff_leaves_out_the_links() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        excluded = tomllib.load(file)["tool"]["ruff"]["exclude"]
    assert excluded == [f"anabranch/{room}" for room in ROOMS]


def test_git_ignores_no_room() -> None:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    names = {line.strip().strip("/").removeprefix("**/") for line in lines}
    assert names.isdisjoint(ROOMS)


def test_every_data_file_in_a_room_is_packaged() -> None:
    """A file that is not Python reaches the wheel only through a pattern of its package."""
    table = setuptools_table()
    data = {path for path in house_files("*") if path.suffix not in {".py", ".pyc"}}
    packaged = {
        path
        for package, globs in table["package-data"].items()
        for glob in globs
        for path in (ROOT / table["package-dir"][package]).glob(glob)
    }
    assert data == packaged


@pytest.mark.slow
def test_every_doctest_is_collected_once() -> None:
    """pytest reaches the rooms through the links alone: every file with an example, and no example twice."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line.partition("::") for line in done.stdout.splitlines() if line.startswith("anabranch/")]
    with_examples = {path for path in house_files("*.py") if ">>> " in path.read_text(encoding="utf-8")}

    assert {(ROOT / file).resolve() for file, _, _ in found} == with_examples
    assert [name for name, count in Counter(name for _, _, name in found).items() if count > 1] == []


def test_no_file_is_too_long_to_read() -> None:
    long = {str(path): count for path in house_files("*.py") if (count := _lines(path)) > MAX_LINES}
    assert long == {}


def test_no_file_has_a_vague_name() -> None:
    vague = [str(path) for path in house_files("*.py") if VAGUE & set(path.stem.strip("_").split("_"))]
    assert vague == []


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
