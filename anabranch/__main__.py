"""The command line: `anabranch COMMAND ...`; a command is a function, its flags are the function's signature."""

import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from anabranch import __version__
from anabranch.commands import COMMANDS
from anabranch.commands.answer import Answer
from anabranch.commands.recipe_flags import recipe_flags
from anabranch.docstrings import argument, first_sentence
from anabranch.registry import resolve
from anabranch.upstreams.errors import UpstreamError

LISTS = {"--models", "--recipes"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors of the user go to stderr as one line, and the exit code is 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name, rest = _command(given)
    if name is None:
        return _overview(given)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    as_json = "--json" in rest
    try:
        answer = _call(name, rest)
    except (ValueError, KeyError, OSError, UpstreamError) as error:
        print(f"anabranch {name}: {error}", file=sys.stderr)
        return 2
    _print(answer, as_json)
    return answer.exit_code


def _command(given: list[str]) -> tuple[str | None, list[str]]:
    """The longest command the words begin with, and the words after it."""
    for length in (2, 1):
        name = " ".join(given[:length])
        if name in COMMANDS:
            return name, given[length:]
    return None, given


def _overview(given: list[str]) -> int:
    if given and given[0] == "--version":
        print(__version__)
        return 0
    table = Table(title=f"anabranch {__version__}", show_header=False, box=None, padding=(0, 2))
    for name, path in COMMANDS.items():
        table.add_row(name, first_sentence(path))
    asked = not given or given[0] in {"-h", "--help"}
    Console(stderr=not asked).print(table, "\n`anabranch COMMAND --help` says more; `--json` prints for machines.")
    if asked:
        return 0
    print(f"anabranch: unknown command {' '.join(given[:2])!r}; the commands are above", file=sys.stderr)
    return 2


def _call(name: str, words: list[str]) -> Answer:
    function = resolve(name, COMMANDS, "command")
    names = inspect.signature(function).parameters
    parameters = names.values()
    switches = {f"--{p.name}" for p in parameters if p.annotation is bool}
    settings: dict[str, Any] = {}
    numbers = {f"--{p.name}" for p in parameters if p.annotation == list[float] | None}
    words = _listed([word for word in words if word != "--json" or word in switches], numbers)
    if "set" in names:
        words = _set(words)
    if name == "train":
        settings, words = recipe_flags(words)
    summary, _, _ = (inspect.getdoc(function) or "").partition("\n")
    parser = ArgumentParser(prog=f"anabranch {name}", description=summary)
    parser.add_argument("--config", action="config", help="YAML file that fills the options below")
    taken = _positional(parser, function)
    parser.add_function_arguments(function, as_positional=True, skip=taken)
    options = parser.parse_args(_switched(words, switches)).as_dict()
    options.pop("config")
    if settings:
        options["settings"] = {**(options["settings"] or {}), **settings}
    answer: Answer = function(**options)
    return answer


def _positional(parser: ArgumentParser, function: Callable[..., Answer]) -> set[str | int]:
    """Add the words that may be several or missing, which the parser does not read out of a signature by itself."""
    added: set[str | int] = set()
    for one in inspect.signature(function).parameters.values():
        optional, several = one.default is not one.empty, one.annotation == list[Path]
        if one.kind is not one.POSITIONAL_OR_KEYWORD or not (optional or several):
            continue
        times = {(True, True): "*", (True, False): "+", (False, True): "?"}[several, optional]
        more: dict[str, Any] = {"default": one.default} if optional else {}
        what = argument(function, one.name)
        parser.add_argument(one.name, nargs=times, type=Path if several else str, help=what, **more)
        added.add(one.name)
    return added


def _set(words: list[str]) -> list[str]:
    """`--set k=5 --set primary=1` as the one JSON object that the parser reads."""
    others, found = [], {}
    rest = iter(words)
    for word in rest:
        flag, equals, pair = word.partition("=")
        if flag != "--set":
            others.append(word)
            continue
        name, given, value = (pair if equals else next(rest, "")).partition("=")
        if not name or not given:
            raise ValueError(f"--set {name!r} sets nothing; write NAME=VALUE, such as --set threshold=0.5")
        found[name.replace("-", "_")] = value
    return [*others, f"--set={orjson.dumps(found).decode()}"] if found else others


def _listed(words: list[str], numbers: set[str]) -> list[str]:
    """`--models a,b` as the JSON list that the parser reads, options of numbers too, `--max-loss` as `--max_loss`."""
    out = [_underscored(word) if word.startswith("--") else word for word in words]
    for at, word in enumerate(words[:-1]):
        if word in LISTS and not words[at + 1].startswith("["):
            out[at + 1] = orjson.dumps(words[at + 1].split(",")).decode()
        if word in numbers and not words[at + 1].startswith("["):
            out[at + 1] = f"[{words[at + 1]}]"
    return out


def _underscored(option: str) -> str:
    name, equals, value = option.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}"


def _switched(words: list[str], switches: set[str]) -> list[str]:
    """`--quiet` as `--quiet=true`; `--quiet false` stays as it is."""
    following = [*words[1:], ""]
    alone = [word in switches and after not in {"true", "false"} for word, after in zip(words, following, strict=False)]
    return [f"{word}=true" if bare else word for word, bare in zip(words, alone, strict=True)]


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(answer.data, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
    elif answer.shown is not None:
        Console().print(answer.shown, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
