"""Tiny sentence encoders on disk, with random weights in the real formats."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

Module = tuple[str, dict[str, object]]

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@pytest.fixture
def save_tokenizer() -> Callable[[Path], None]:
    """Writes a tokenizer of ten words, ids 4 to 13, between [CLS] = 2 and [SEP] = 3."""
    return _save_tokenizer


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    """A plain BERT of width 16 with 32 positions, without `modules.json`."""
    config = BertConfig(
        vocab_size=14,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(tmp_path / "bert")
    _save_tokenizer(tmp_path / "bert")
    return tmp_path / "bert"


@pytest.fixture
def add_modules(bert: Path) -> Callable[..., None]:
    """Gives `bert` a `modules.json` of the transformer and the (type, config) pairs asked for."""

    def add(*modules: Module) -> None:
        rows = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
        for i, (kind, config) in enumerate(modules, start=1):
            path = f"{i}_{kind.rpartition('.')[2]}"
            rows.append({"idx": i, "name": str(i), "path": path, "type": kind})
            (bert / path).mkdir(exist_ok=True)
            (bert / path / "config.json").write_text(json.dumps(config))
        (bert / "modules.json").write_text(json.dumps(rows))

    return add


def _save_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(SPECIALS + NUMBERS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
    ).save_pretrained(folder)
