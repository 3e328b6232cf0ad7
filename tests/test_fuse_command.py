"""`anabranch fuse` as a person meets it, in a process of its own where that matters."""

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.__main__ import main
from anabranch.commands.fusion_settings import fusion_settings
from anabranch.docstrings import fields_of
from anabranch.registry import resolve
from anabranch.serving.fusion.during.registry import FUSIONS

BOTH = ("--models", "pocket-owl,pocket-heron")
ASKED = "What is 3 + 4?"
LINE = re.compile(r"^(\d+) tokens? in [\d.]+ s \(\d+ tokens/s\), (.+?); (.+)$")
PYTHON = "import sys; from anabranch.__main__ import main; code = main(sys.argv[1:])"


def fuse(*words: str, expect: int = 0) -> None:
    assert main(["fuse", *words]) == expect


def process(code: str, *words: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, "fuse", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


def written(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    fuse(*words, "--json")
    return orjson.loads(capsys.readouterr().out)


def test_the_text_goes_out_and_what_it_took_is_told_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    fuse("--method", "gac", *BOTH, ASKED)
    shown = capsys.readouterr()
    assert shown.out == "7\n"
    found = LINE.fullmatch(shown.err.strip())
    assert found is not None
    # the end of the text is decided on like a token
    assert found.groups()[:2] == ("1", "ended by itself")
    assert found[3] == "pocket-owl, pocket-heron computed 2 tokens each, and read 24 of prompt together"


def test_a_machine_gets_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    found = written(capsys, "--method", "gac", *BOTH, ASKED)
    assert set(found) == {"text", "finish_reason", "usage", "tokens", "seconds"}
    assert (found["text"], found["finish_reason"], found["tokens"]) == ("7", "stop", 1)
    assert (found["usage"]["prompt_tokens"], found["usage"]["completion_tokens"]) == (24, 4)
    assert found["seconds"] > 0


def test_settings_and_weights_reach_the_method(capsys: pytest.CaptureFixture[str]) -> None:
    """Above a threshold of 0 the first model is always sure, and computes alone; or it weighs everything."""
    alone = written(capsys, "--method", "gac", *BOTH, "--set", "threshold=0", "--set", "primary=1", ASKED)
    assert alone["usage"]["completion_tokens"] == alone["tokens"] + 1
    weighed = written(capsys, "--method", "gac", *BOTH, "--weights", "0,1", ASKED)
    assert weighed["text"] == alone["text"]
    fuse("--method", "gac", *BOTH, "--set", "threshold=0", ASKED)
    assert "computed 2 tokens in all (whose they were is not counted)" in capsys.readouterr().err


def test_draws_repeat_themselves_by_their_seed(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = ("--method", "me", *BOTH, "--temperature", "1", "--top-p", "0.9", "--max-tokens", "12", "--raw", "The")
    texts = [written(capsys, *drawn, "--seed", seed)["text"] for seed in ("1", "1", "2")]
    assert texts[0] == texts[1] != texts[2]


def test_raw_text_is_continued_and_not_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """A chat's template has tokens of its own, plain text has none."""
    raw, chat = (
        written(capsys, "--method", "gac", *BOTH, "--max-tokens", "4", *more, ASKED) for more in (["--raw"], [])
    )
    assert raw["usage"]["prompt_tokens"] < chat["usage"]["prompt_tokens"]
    assert raw["text"] != chat["text"]


@pytest.mark.parametrize("words", [["-"], []])
def test_the_prompt_may_come_from_standard_input(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ASKED}\n"))
    assert written(capsys, "--method", "gac", *BOTH, *words)["usage"]["prompt_tokens"] == 24


def test_an_empty_standard_input_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    fuse("--method", "gac", *BOTH, expect=2)
    assert "standard input is empty; give the prompt as the last word" in capsys.readouterr().err


def test_settings_may_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fuse.yaml").write_text("method: unite\nmodels: [pocket-owl, pocket-heron]\nset: {k: 3}\n")
    assert written(capsys, "--config", str(tmp_path / "fuse.yaml"), ASKED)["text"] == "7"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "gca", *BOTH], "unknown fusion method 'gca' (did you mean 'gac'?); known: "),
        (["--method", "unite", *BOTH, "--set", "kk=1"], "'unite' has no setting kk; its settings: k (int)"),
        (
            ["--method", "unite", *BOTH, "--set", "k=1.5"],
            "k of fusion method 'unite' is '1.5'; it must be int",
        ),
        (["--method", "unite", *BOTH, "--set", "k"], "--set 'k' sets nothing; write NAME=VALUE"),
        (
            ["--method", "gac", "--models", "pocket-owl,pocket-hero"],
            "no pocket model is called 'pocket-hero'",
        ),
        (["--method", "gac", "--models", "pocket-owl,/nowhere"], "/nowhere is no folder"),
        (["--method", "gac", "--models", "pocket-owl"], "give two or more"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_heavy(words: list[str], message: str) -> None:
    done = process(f"{PYTHON}; print(code, 'torch' in sys.modules)", *words, ASKED)
    out, error = done.communicate()
    assert out == "2 False\n"
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "1"], "weights [1.0]: 2 members need as many weights"),
        (["--set", "threshold=7"], "threshold 7.0"),
        (["--top-p", "2"], "top_p 2.0; it must be a number in (0, 1]"),
        (["--max-tokens", "5000"], "lower max_tokens"),
    ],
)
def test_what_the_models_cannot_do_ends_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fuse("--method", "gac", *BOTH, *words, ASKED, expect=2)
    shown = capsys.readouterr()
    assert message in shown.err and "Traceback" not in shown.err
    assert shown.out == ""


def test_help_needs_no_torch() -> None:
    done = process(f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); {PYTHON}", "--help")
    out, _ = done.communicate()
    assert out.endswith("\nFalse\n") and "--set" in out and "standard input" in out


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly_with_what_there_is() -> None:
    # so hot that it ends by chance alone, with this seed after 666 tokens, which take seconds
    long = ("--temperature", "1000", "--seed", "4", "--max-tokens", "1200", "--raw", "Once")
    running = process(f"{PYTHON}; sys.exit(code)", "--method", "gac", *BOTH, *long)
    assert running.stdout is not None
    first = running.stdout.read(1)
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=30)
    assert running.returncode == 130
    assert first and out.endswith("\n")
    assert "tokens/s), interrupted" in error and "Traceback" not in error


@pytest.mark.parametrize("method", [*FUSIONS])
def test_the_settings_that_can_be_set_are_those_of_the_method(method: str) -> None:
    """They are read from the source, where another type than a number, a truth or a word could hide."""
    declared = fields_of(FUSIONS[method])
    kind = resolve(method, FUSIONS, "fusion method")
    assert list(declared) == [field.name for field in fields(kind)]
    defaults = {field.name: str(field.default) for field in fields(kind)}
    assert kind(**fusion_settings(method, defaults)) == kind()
