"""Models in the middle of texts, and what the same ids read afresh say."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    PreTrainedModel,
)

from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.token_model import Work
from tests.upstreams.local import tiny

POCKET = Path(__file__).parents[3] / "upstreams" / "pocket" / "weights"
NAMES = ["pocket-heron", "pocket-owl", "pocket-robin", "pocket-wren"]  # Qwen2, Llama, GPT-2, Llama
PROMPT = [1, 20, 30, 40, 2]
STRINGS = ["they", "'ll", " say", " it", "s", " 12", "3", ", ", "\n", " é", "€", " the sum of "]


def made(model: PreTrainedModel) -> LiveRows:
    """A model of bytes, of which 256 ends a text."""
    tokenizer = tiny.byte_tokenizer()
    return LiveRows(Forward(model), tokenizer, token_bytes(tokenizer, tiny.VOCABULARY, frozenset({256})))


def afresh(model: LiveRows, ids: Sequence[int]) -> Tensor:
    """What follows each prefix of ids, read without a cache; (n, V)."""
    logits: Tensor = model._forward.model(torch.tensor([[*ids]]), use_cache=False).logits[0].detach().float()
    says = [text is not None or token in model.vocabulary.ends for token, text in enumerate(model.vocabulary.written)]
    return logits.masked_fill(~torch.tensor(says), -torch.inf).log_softmax(dim=-1)


def close(mine: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(mine, theirs, atol=1e-4, rtol=0)


def done(model: LiveRows, work: Callable[[], object]) -> Work:
    """What some work comes to."""
    before = Work(model.work.forwards, model.work.tokens)
    work()
    return Work(model.work.forwards - before.forwards, model.work.tokens - before.tokens)
