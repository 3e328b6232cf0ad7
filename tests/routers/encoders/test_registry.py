from importlib import import_module
from pathlib import Path

import pytest

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.hashing import HashingEncoder
from anabranch.routers.encoders.huggingface import HuggingFaceEncoder
from anabranch.routers.encoders.registry import ENCODERS, load_encoder


@pytest.mark.parametrize("target", ENCODERS.values())
def test_every_row_can_be_imported(target: str) -> None:
    module, _, attribute = target.partition(":")
    assert callable(getattr(import_module(module), attribute))


def test_a_registry_name_passes_its_options_on() -> None:
    encoder = load_encoder("hashing", width=8, max_tokens=16)
    assert (encoder.name, encoder.width, encoder.tokens.max_tokens) == ("hashing", 8, 16)


def test_a_callable_of_ones_own_is_imported_and_keeps_its_name() -> None:
    name = "anabranch.routers.encoders.hashing:HashingEncoder"
    encoder = load_encoder(name, width=8)
    assert isinstance(encoder, HashingEncoder)
    assert encoder.name == name


def test_a_folder_is_a_hugging_face_encoder(bert: Path) -> None:
    encoder = load_encoder(str(bert), max_tokens=9)
    assert isinstance(encoder, HuggingFaceEncoder)
    assert (encoder.name, encoder.tokens.max_tokens) == (str(bert), 9)


@pytest.mark.parametrize("name", ["minlm", "./no/such/folder", "/no/such"])
def test_unknown_names_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown encoder '{name}'; known encoders: hashing, minilm; or give"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["no_such_package:Encoder", "anabranch.routers.encoders.hashing:Hash", ":x"])
def test_what_cannot_be_imported_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"cannot import encoder '{name}'"):
        load_encoder(name)


def test_a_callable_must_return_an_encoder() -> None:
    with pytest.raises(TypeError, match="gave a dict; it must return an Encoder"):
        load_encoder("builtins:dict")


def test_encoders_are_modules() -> None:
    assert isinstance(load_encoder("hashing"), Encoder)
