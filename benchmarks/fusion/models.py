"""Models to measure with, and a text for them to write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.pocket.frozen import WEIGHTS

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = 32_000


@dataclass(frozen=True)
class Member:
    """A model that writes on and never ends, since every measured text has the same length.

    Args:
        name: of it.
        forward: the model itself.
        tokenizer: of it.
        rows: the same model in the middle of texts.
    """

    name: str
    forward: Forward
    tokenizer: PreTrainedTokenizerFast
    rows: LiveRows

    @classmethod
    def of(cls, name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> "Member":
        """A model in evaluation mode."""
        forward, width = Forward(model), model.config.vocab_size
        return cls(name, forward, tokenizer, LiveRows(forward, tokenizer, token_bytes(tokenizer, width, frozenset())))

    def ids(self, text: str) -> list[int]:
        """Its tokens of a text."""
        return list(self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)


def prose(pattern: str = "docs/**/*.md") -> str:
    """What the project says of itself: prose, tables and code."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern)))


def pocket(device: str) -> list[Member]:
    """Two of the shipped models, of about 1 million parameters, with tokenizers of 640 ids."""
    return [_shipped(name, device) for name in ("pocket-owl", "pocket-heron")]


def random(device: str) -> list[Member]:
    """Two models of 30 million parameters, drawn at random, whose tokenizers were trained on different texts."""
    torch.manual_seed(0)
    first, second = LlamaForCausalLM(_shaped(LlamaConfig())), Qwen2ForCausalLM(_shaped(Qwen2Config()))
    return [
        Member.of("random-llama", _placed(first, device), _trained_on("docs/**/*.md")),
        Member.of("random-qwen2", _placed(second, device), _trained_on("[a-z]*/**/*.py")),
    ]


PAIRS: dict[str, Callable[[str], list[Member]]] = {"pocket": pocket, "random": random}


def _shipped(name: str, device: str) -> Member:
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / name)
    return Member.of(name, _placed(model, device), PreTrainedTokenizerFast.from_pretrained(WEIGHTS / name))


def _placed(model: Any, device: str) -> PreTrainedModel:
    placed: PreTrainedModel = model.to(device).eval()
    return placed


def _shaped(config: Any) -> Any:
    config.vocab_size, config.tie_word_embeddings, config.max_position_embeddings = VOCABULARY, True, 2048
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 448, 1216, 8
    config.num_attention_heads = config.num_key_value_heads = 7
    config.head_dim, config.layer_types = 64, ["full_attention"] * 8
    config.bos_token_id = config.eos_token_id = config.pad_token_id = None
    return config


@cache
def _trained_on(pattern: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(_lines(pattern), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)  # type: ignore[no-untyped-call]


def _lines(pattern: str) -> Iterator[str]:
    yield from prose(pattern).splitlines(keepends=True)
