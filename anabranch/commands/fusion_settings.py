"""What `--set` says of a fusion method, read by the types that the method declares."""

from collections.abc import Mapping
from typing import Any

from anabranch.docstrings import fields_of
from anabranch.registry import path_of
from anabranch.serving.fusion.during.registry import FUSIONS

Given = str | bool | int | float
"""A text of the command line, or a value of a configuration file."""

_TRUTHS = {"true": True, "false": False}
_EXAMPLES = {"int": "5", "float": "0.5", "bool": "true"}


def fusion_settings(method: str, given: Mapping[str, Given]) -> dict[str, Any]:
    """The settings of a method, without importing it: methods need torch.

    Args:
        method: a name of `FUSIONS`.
        given: name -> value, which is read as what the setting is.

    Raises:
        ValueError: no such method, no such setting of it, or a value that is not of the setting's type.

    >>> fusion_settings("unite", {"k": "5"})
    {'k': 5}
    """
    known = fields_of(path_of(method, FUSIONS, "fusion method"))
    unknown = sorted(set(given) - set(known))
    if unknown:
        listed = ", ".join(f"{name} ({kind})" for name, kind in known.items()) or "none"
        raise ValueError(f"fusion method {method!r} has no setting {', '.join(unknown)}; its settings: {listed}")
    return {name: _read(method, name, str(value), known[name]) for name, value in given.items()}


def _read(method: str, name: str, text: str, kind: str) -> Any:
    kinds = [one.strip() for one in kind.split("|")]
    try:
        return _as(text, kinds)
    except (ValueError, KeyError):
        example = f"{name}={_EXAMPLES[kinds[0]]}"
        raise ValueError(
            f"setting {name} of fusion method {method!r} is {text!r}; it must be {kind}, such as --set {example}"
        ) from None


def _as(text: str, kinds: list[str]) -> Any:
    if "None" in kinds and text.lower() == "none":
        return None
    if "bool" in kinds:
        return _TRUTHS[text.lower()]
    if "int" in kinds:
        return int(text)
    return float(text) if "float" in kinds else text
