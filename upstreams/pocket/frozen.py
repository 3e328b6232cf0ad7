"""The shipped weights and test prompts, frozen: what they hash to, and whether they still do."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import orjson

from anabranch.upstreams.pocket.families.registry import TAUGHT, TEST_ONLY
from anabranch.upstreams.pocket.questions import Question, fresh, questions

WEIGHTS = Path(__file__).resolve().parent / "weights"
FROZEN = "frozen.json"

TRAIN_SEED, TRAIN_PROMPTS = 11, 3000
TEST_SEED, TEST_PROMPTS = 12, 2000


class ChangedWeights(ValueError):
    """A file of the pocket models is not the one that was frozen."""


def train_questions() -> list[Question]:
    """The 3,000 prompts that routers learn from, of all families but those that only the test has."""
    return questions(TRAIN_PROMPTS, TRAIN_SEED, TAUGHT)


def test_questions() -> list[Question]:
    """The 2,000 prompts that routers are tested on; none of them is among those of training."""
    known = [question.prompt for question in train_questions()]
    return fresh(TEST_PROMPTS, TEST_SEED, (*TAUGHT, *TEST_ONLY), known)


def prompts_sha256(asked: Iterable[Question]) -> str:
    """The hash of prompts and their answers."""
    lines = (f"{question.prompt}\t{question.reference}\n" for question in asked)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def freeze(folder: Path, facts: dict[str, object]) -> None:
    """Write frozen.json: the hash of every file below `folder`, of the frozen prompts, and some facts."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FROZEN)
    record = {
        **facts,
        "prompts": {"train": prompts_sha256(train_questions()), "test": prompts_sha256(test_questions())},
        "files": {path.relative_to(folder).as_posix(): _sha256(path) for path in files},
    }
    (folder / FROZEN).write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")


def check_frozen(name: str, folder: Path = WEIGHTS) -> Path:
    """The folder of a pocket model, whose files are what they were when they were frozen.

    Raises:
        ChangedWeights: a file is missing or was changed.
    """
    record = orjson.loads((folder / FROZEN).read_bytes())
    for file, sha256 in record["files"].items():
        if file.startswith(f"{name}/") and (not (folder / file).is_file() or _sha256(folder / file) != sha256):
            raise ChangedWeights(
                f"{folder / file} is missing or not what was frozen (sha256 {sha256[:12]}); install anabranch again, "
                "or rebuild with python -m anabranch.upstreams.pocket.train"
            )
    return folder / name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
