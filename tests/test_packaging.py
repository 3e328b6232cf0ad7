"""What is installed is what stands in the rooms: editable, as a wheel, from an sdist, and without symbolic links."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "export", "routers", "serving", "training", "upstreams")
KEPT = ("*.py", "*.typed", "*.jinja", "weights/**/*.json", "weights/**/*.safetensors")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is built: the rooms, the front door with its links, and the files beside pyproject.toml."""
    copy = tmp_path / "project"
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in (*ROOMS, "anabranch"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture
def project_without_links(project: Path) -> Path:
    """The same as git checks it out where links are not supported: each is a file that holds its target."""
    for room in ROOMS:
        link = project / "anabranch" / room
        target = str(link.readlink())
        link.unlink()
        link.write_text(target, encoding="utf-8")
    return project


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """A new environment's Python. It borrows our third-party packages, but not our editable install: a path added
    by a .pth file is searched last, and .pth files found there are not read."""
    venv.create(tmp_path / "venv", with_pip=False)
    (own,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return tmp_path / "venv" / "bin" / "python"


def run(python: Path | str, *arguments: str, cwd: Path) -> str:
    """What the command prints."""
    done = subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(python: Path, what: str, *options: str, cwd: Path) -> None:
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed", "--quiet")
    run(python, "-m", "pip", "install", *offline, *options, what, cwd=cwd)


def wheel_names(wheel: Path) -> set[str]:
    """The files in a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def source_names(project: Path) -> set[str]:
    """The names under which the files of rooms and front door belong in a wheel."""
    rooms = {f"anabranch/{path.relative_to(project)}" for room in ROOMS for path in kept(project / room)}
    return rooms | {str(path.relative_to(project)) for path in kept(project / "anabranch")}


def kept(folder: Path) -> list[Path]:
    """Files to be packaged below a folder; links are not followed."""
    return [path for pattern in KEPT for path in folder.rglob(pattern)]


def test_a_wheel_holds_every_file_of_every_room(project: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), cwd=project)
    (wheel,) = tmp_path.glob("*.whl")

    assert "anabranch/py.typed" in wheel_names(wheel)
    assert wheel_names(wheel) == source_names(project)


def test_an_sdist_builds_the_same_wheel(project: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), cwd=project)
    (wheel,) = tmp_path.glob("*.whl")

    assert len(list(tmp_path.glob("*.tar.gz"))) == 1
    assert wheel_names(wheel) == source_names(project)


def test_an_installed_wheel_imports_and_answers(project: Path, interpreter: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), cwd=project)
    (wheel,) = tmp_path.glob("*.whl")
    install(interpreter, str(wheel), cwd=tmp_path)

    where = run(interpreter, "-c", "import anabranch.routers.router as m; print(m.__file__)", cwd=tmp_path)
    version = run(tmp_path / "venv" / "bin" / "anabranch", "--version", cwd=tmp_path)

    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    assert version == "0.1.0\n"


@pytest.mark.parametrize("layout", ["project", "project_without_links"])
def test_an_editable_install_sees_new_files(
    layout: str, request: pytest.FixtureRequest, interpreter: Path, tmp_path: Path
) -> None:
    project: Path = request.getfixturevalue(layout)
    install(interpreter, str(project), "--editable", cwd=tmp_path)
    (project / "routers" / "policies" / "newest.py").write_text("ANSWER = 42\n", encoding="utf-8")

    code = "import anabranch.data.outcomes as m, anabranch.routers.policies.newest as n; print(m.__file__, n.ANSWER)"
    where, answer = run(interpreter, "-c", code, cwd=tmp_path).split()

    assert Path(where).resolve() == project / "data" / "outcomes.py"
    assert answer == "42"
