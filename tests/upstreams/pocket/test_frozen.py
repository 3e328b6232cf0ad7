import shutil
from pathlib import Path

import orjson
import pytest
from tokenizers import Tokenizer

from anabranch.upstreams.pocket.frozen import (
    FROZEN,
    WEIGHTS,
    ChangedWeights,
    check_frozen,
    prompts_sha256,
    train_questions,
)
from anabranch.upstreams.pocket.frozen import test_questions as frozen_test
from anabranch.upstreams.pocket.members import MEMBERS

RECORD = orjson.loads((WEIGHTS / FROZEN).read_bytes())
MOST_BYTES = 12_000_000
TEXTS = ["What is 12 + 345?", " two  blanks", "Zürich 東京 🦉\n\ttab", "a<b>c", "'quoted', 1,000.50!"]


@pytest.mark.parametrize("name", MEMBERS)
def test_the_files_are_those_that_were_frozen(name: str) -> None:
    assert check_frozen(name) == WEIGHTS / name
    assert {file for file in RECORD["files"] if file.startswith(name)} == {
        path.relative_to(WEIGHTS).as_posix() for path in (WEIGHTS / name).iterdir()
    }


def test_the_prompts_are_those_that_were_frozen() -> None:
    """Whoever changes a family, a wording or a seed changes what every figure was measured on."""
    asked = {"train": prompts_sha256(train_questions()), "test": prompts_sha256(frozen_test())}
    assert asked == RECORD["prompts"]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    tokenizer = tmp_path / "weights" / "pocket-wren" / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes() + b" ")
    with pytest.raises(ChangedWeights, match=r"tokenizer\.json is missing or not what was frozen"):
        check_frozen("pocket-wren", tmp_path / "weights")
    assert check_frozen("pocket-owl", tmp_path / "weights").is_dir()


def test_all_of_them_are_small_and_none_is_a_pickle() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert {path.suffix for path in files} == {".json", ".jinja", ".safetensors"}


def test_prices_are_in_proportion_to_parameters() -> None:
    """0.3 USD a million tokens for each million parameters, within a tenth."""
    for name, member in MEMBERS.items():
        assert member.usd_per_mtok == pytest.approx(0.3 * RECORD["parameters"][name] / 1e6, rel=0.1)


def test_the_largest_is_the_dearest_and_there_are_three_vocabularies() -> None:
    sizes = RECORD["parameters"]
    assert max(sizes, key=sizes.__getitem__) == max(MEMBERS, key=lambda name: MEMBERS[name].usd_per_mtok)
    assert len({(WEIGHTS / name / "tokenizer.json").read_bytes() for name in MEMBERS}) == 3


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_back_from_its_tokens(name: str, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(WEIGHTS / name / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize("name", MEMBERS)
def test_every_digit_is_a_token(name: str) -> None:
    tokens = Tokenizer.from_file(str(WEIGHTS / name / "tokenizer.json")).encode("2026").tokens
    assert tokens == ["2", "0", "2", "6"]
