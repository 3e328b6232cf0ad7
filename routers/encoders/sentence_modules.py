"""What stands behind the transformer in a sentence encoder's folder: pooling, dense layers, normalisation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.hub import cached_file

from anabranch.routers.encoders.pooling import POOLINGS, Pooling

_LEGACY_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "torch.nn.modules.linear.Identity": nn.Identity,
    "torch.nn.modules.activation.Tanh": nn.Tanh,
    "torch.nn.modules.activation.ReLU": nn.ReLU,
    "torch.nn.modules.activation.GELU": nn.GELU,
    "torch.nn.modules.activation.SiLU": nn.SiLU,
    "torch.nn.modules.activation.Sigmoid": nn.Sigmoid,
}


class SentenceModules(NamedTuple):
    """The modules of a sentence encoder.

    Attributes:
        folder: where the transformer lies inside the encoder's folder; "" is the folder itself.
        settings: `sentence_bert_config.json`, {} if absent.
        pooling: tokens to one embedding.
        head: what follows, in order.
        include_prompt: whether a prefix takes part in the pooling.
    """

    folder: str
    settings: dict[str, Any]
    pooling: Pooling
    head: nn.Sequential
    include_prompt: bool


class Normalize(nn.Module):
    """To length 1; zero stays zero."""

    def forward(self, embedding: Tensor) -> Tensor:
        """Unit vectors; embedding (B, D) -> (B, D)."""
        return functional.normalize(embedding, dim=-1)


class Dense(nn.Module):
    """A linear layer with its activation.

    Args:
        linear: the layer.
        activation: what its output passes through.
    """

    def __init__(self, linear: nn.Linear, activation: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.activation = activation

    def forward(self, embedding: Tensor) -> Tensor:
        """The layer applied; embedding (B, D) -> (B, E)."""
        output: Tensor = self.activation(self.linear(embedding))
        return output


def sentence_modules(name: str) -> SentenceModules:
    """The modules that `modules.json` lists; without that file: mean pooling, not normalised.

    Args:
        name: a folder or a hub id.

    Raises:
        ValueError: a module, pooling or activation that is not known here, or one in an unusual place.
    """
    rows = read_json(name, "modules.json")
    if rows is None:
        return SentenceModules("", {}, Pooling(["mean"]), nn.Sequential(), True)
    kinds = [_kind(name, row["type"]) for row in rows]
    if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - set(_HEAD):
        raise ValueError(
            f"encoder {name!r} is {', '.join(kinds)}; "
            "it must be one Transformer, one Pooling, then any number of Dense and Normalize"
        )
    folders = [row["path"] for row in rows]
    settings = read_json(name, _inside(folders[0], "sentence_bert_config.json")) or {}
    pooling = read_json(name, _inside(folders[1], "config.json")) or {}
    head = [_HEAD[kind](name, folder) for kind, folder in zip(kinds[2:], folders[2:], strict=True)]
    return SentenceModules(
        folders[0], settings, _pooling(pooling), nn.Sequential(*head), pooling.get("include_prompt", True)
    )


def read_json(name: str, file: str) -> Any:
    """The JSON in one file of a folder or hub id; None if there is no such file."""
    path = cached_file(name, file, _raise_exceptions_for_missing_entries=False)
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))


def _inside(folder: str, file: str) -> str:
    return f"{folder}/{file}" if folder else file


def _kind(name: str, type_name: str) -> str:
    kind = type_name.rpartition(".")[2]
    known = ("Transformer", "Pooling", *_HEAD)
    if not type_name.startswith("sentence_transformers.") or kind not in known:
        raise ValueError(
            f"encoder {name!r} has a module {type_name!r}; known modules of sentence_transformers: "
            f"{', '.join(known)}; give another encoder or write your own ('pkg.module:callable')"
        )
    return kind


def _pooling(config: dict[str, Any]) -> Pooling:
    modes = config.get("pooling_mode")
    if isinstance(modes, str):
        return Pooling([modes])
    if modes is not None:
        return Pooling(modes)
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    named = [_LEGACY_MODES.get(key, key) for key in chosen]
    # the older file lists flags, whose order says nothing: the table's order is the concatenation's
    return Pooling(sorted(named, key=[*POOLINGS, *named].index) or ["mean"])


def _dense(name: str, folder: str) -> Dense:
    config = read_json(name, _inside(folder, "config.json")) or {}
    _sentence_only(name, folder, config)
    kind = config["activation_function"]
    if kind not in _ACTIVATIONS or config.get("use_residual"):
        raise ValueError(
            f"encoder {name!r}: {folder} has activation {kind!r} and use_residual "
            f"{config.get('use_residual', False)}; known: no residual, and one of {', '.join(_ACTIVATIONS)}"
        )
    weights = cached_file(name, _inside(folder, "model.safetensors"), _raise_exceptions_for_missing_entries=False)
    if weights is None:
        raise ValueError(f"encoder {name!r}: {folder} has no model.safetensors; pickled weights are never read")
    linear = nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    linear.load_state_dict({key.removeprefix("linear."): value for key, value in load_file(weights).items()})
    return Dense(linear, _ACTIVATIONS[kind]())


def _normalize(name: str, folder: str) -> Normalize:
    _sentence_only(name, folder, read_json(name, _inside(folder, "config.json")) or {})
    return Normalize()


def _sentence_only(name: str, folder: str, config: dict[str, Any]) -> None:
    for key in ("module_input_name", "module_output_name"):
        if config.get(key, "sentence_embedding") not in ("sentence_embedding", None):
            raise ValueError(f"encoder {name!r}: {folder} has {key} {config[key]!r}; it must be 'sentence_embedding'")


_HEAD: dict[str, Callable[[str, str], nn.Module]] = {"Dense": _dense, "Normalize": _normalize}
