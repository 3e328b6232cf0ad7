"""Tiny random models with a tokenizer of bytes, saved as a user would save theirs, and the plain way to run them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

END = "<|end|>"
TEMPLATE = (
    "{% for message in messages %}{{ message.role[0] }}:{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)
VOCABULARY = 264  # 256 bytes, END, and some ids that no text gives
WINDOW = 256


def byte_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """A token is a byte; END is a special token, and nothing ends a text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({letter: index for index, letter in enumerate(letters)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, pad_token=END
    )
    tokenizer.chat_template = template
    return tokenizer


def llama() -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=WINDOW,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=256,
        )
    )


def qwen2() -> PreTrainedModel:
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=WINDOW,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=256,
        )
    )


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=WINDOW,
            n_embd=32,
            n_layer=2,
            n_head=4,
            bos_token_id=256,
            eos_token_id=None,
            pad_token_id=256,
        )
    )


def sliding() -> PreTrainedModel:
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=WINDOW,
            sliding_window=8,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=256,
        )
    )


def made(build: Callable[[], PreTrainedModel], seed: int = 0) -> PreTrainedModel:
    """A model whose weights are large enough for its predictions to differ."""
    torch.manual_seed(seed)
    model = build()
    model.train(False)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(std=0.25, generator=generator)
    return model


def saved(folder: Path, model: PreTrainedModel, template: str | None = TEMPLATE) -> Path:
    """The folder of a model and its tokenizer."""
    model.save_pretrained(folder)
    byte_tokenizer(template).save_pretrained(folder)
    return folder


@torch.no_grad()
def greedy(model: PreTrainedModel, prompt: Sequence[int], count: int) -> list[int]:
    """The likeliest tokens, each from a forward over everything before it, without a cache."""
    ids = list(prompt)
    for _ in range(count):
        ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@torch.no_grad()
def logprobs(model: PreTrainedModel, ids: Sequence[int]) -> torch.Tensor:
    """Log-probabilities after each prefix, (len(ids), vocabulary), from one forward."""
    logits: torch.Tensor = model(torch.tensor([list(ids)]), use_cache=False).logits
    return logits[0].log_softmax(dim=-1)
