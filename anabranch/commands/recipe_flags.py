"""The flags of a recipe: `--k 16` after `train knn` sets the recipe's own k."""

import inspect
import sys
from dataclasses import asdict, fields
from typing import Any

from jsonargparse import ArgumentParser

from anabranch.registry import resolve
from anabranch.routers.registry import ROUTERS
from anabranch.training.after.registry import AFTER
from anabranch.training.cascades.registry import CASCADES

AUTO = "auto"  # not a recipe, but the choice of one; its settings are the stack's
ELSEWHERE: set[str | int] = {"width", "arms", "seed"}  # made from the data, or an option of every training


def recipe_flags(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Take the flags of the recipe named first out of a command's words; (settings, other words)."""
    if not words or words[0].startswith("-"):
        return {}, words
    resolve(words[0], ROUTERS | CASCADES | AFTER | {AUTO: ROUTERS["stack"]}, "recipe")
    if words[0] in CASCADES | AFTER:
        return _cascade_flags(words)
    # recipes need torch, and `anabranch --help` must not
    from anabranch.routers.estimators.estimator import Descent
    from anabranch.routers.recipe import settings_of

    name = "stack" if words[0] == AUTO else words[0]
    row = resolve(name, ROUTERS, "router")
    parser = ArgumentParser(prog=f"anabranch train {words[0]}", description=f"settings of {name}")
    add = parser.add_class_arguments if inspect.isclass(row) else parser.add_function_arguments
    add(row, skip=ELSEWHERE)
    descent = asdict(Descent()).keys()
    chosen, _ = _parsed(parser, words, set(settings_of(name)) - descent - ELSEWHERE)
    # what was chosen decides whether there is a descent to set
    known = settings_of(name, chosen)
    if descent <= known.keys():
        parser.add_class_arguments(Descent)
        parser.set_defaults({field: known[field] for field in descent})
    if {"-h", "--help"} & set(words):
        parser.print_help(sys.stdout)
    return _parsed(parser, words, set(known) - ELSEWHERE)


def _cascade_flags(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The same for a cascade, whose recipe is a dataclass of settings."""
    recipe = resolve(words[0], CASCADES | AFTER, "cascade")
    parser = ArgumentParser(prog=f"anabranch train {words[0]}", description=f"settings of {words[0]}")
    parser.add_class_arguments(recipe)
    if {"-h", "--help"} & set(words):
        parser.print_help(sys.stdout)
    return _parsed(parser, words, {field.name for field in fields(recipe)})


def _parsed(parser: ArgumentParser, words: list[str], known: set[str]) -> tuple[dict[str, Any], list[str]]:
    """What the words set of the known flags, and the other words."""
    own, others = _split(words, known)
    given = {word.partition("=")[0].removeprefix("--") for word in own if word.startswith("--")}
    parsed = parser.parse_args(own).as_dict()
    return {name: parsed[name] for name in given}, others


def _split(words: list[str], known: set[str]) -> tuple[list[str], list[str]]:
    own: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        flag, equals, _ = word.partition("=")
        if flag.startswith("--") and flag.removeprefix("--") in known:
            own += [word] if equals else [word, next(rest, "")]
        else:
            others.append(word)
    return own, others
