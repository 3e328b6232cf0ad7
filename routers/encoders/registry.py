"""The encoders by name; nothing is imported before one is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.registry import resolve

if TYPE_CHECKING:
    from anabranch.routers.encoders.encoder import Encoder

ENCODERS: dict[str, str] = {
    "hashing": "anabranch.routers.encoders.hashing:HashingEncoder",
    "minilm": "anabranch.routers.encoders.huggingface:minilm",
}


def load_encoder(name: str, **options: Any) -> Encoder:
    """The encoder that `name` means.

    Args:
        name: a key of `ENCODERS`, a folder of a Hugging Face encoder, a hub id "org/name", or
            "pkg.module:callable" for one of your own.
        options: passed on to the encoder's constructor.

    Raises:
        ValueError: the name means nothing.
        TypeError: the callable returned something that is no Encoder.

    >>> load_encoder("hashing", width=16).width
    16
    """
    from anabranch.routers.encoders.encoder import Encoder

    encoder = _constructor(name)(**options)
    if not isinstance(encoder, Encoder):
        raise TypeError(f"encoder {name!r} gave a {type(encoder).__name__}; it must return an Encoder")
    encoder.name = name
    return encoder


def _constructor(name: str) -> Any:
    folder = Path(name).is_dir()
    if name in ENCODERS or (":" in name and not folder):
        return resolve(name, ENCODERS, "encoder")
    if not folder and name.count("/") != 1:
        raise ValueError(
            f"unknown encoder {name!r}; known encoders: {', '.join(ENCODERS)}; "
            "or give an existing folder, a hub id 'org/name', or 'pkg.module:callable'"
        )
    from functools import partial

    from anabranch.routers.encoders.huggingface import HuggingFaceEncoder

    return partial(HuggingFaceEncoder.load, name)
