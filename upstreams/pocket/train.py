"""Rebuild the pocket models from a seed, in about 25 minutes on two cores.

python -m anabranch.upstreams.pocket.train --out WEIGHTS [--seed 0] [--workers 2]
"""

import argparse
import math
import multiprocessing
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Module, functional
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from anabranch.upstreams.pocket.frozen import WEIGHTS, freeze
from anabranch.upstreams.pocket.lessons import batches, corpus
from anabranch.upstreams.pocket.members import MEMBERS, POSITIONS, Member
from anabranch.upstreams.pocket.muon import Muon
from anabranch.upstreams.pocket.vocabularies import CHAT_TEMPLATE, END, PAD, learn

PEAK_LEARNING_RATE = 3e-3
WARM_UP = 100
REPORT_EVERY = 100


def configuration(member: Member, tokenizer: Tokenizer) -> PreTrainedConfig:
    """The transformers configuration of a member."""
    tokens: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": tokenizer.token_to_id(PAD),
        "eos_token_id": tokenizer.token_to_id(END),
        "bos_token_id": None,
    }
    if member.architecture == "gpt2":
        return GPT2Config(
            n_embd=member.width,
            n_layer=member.layers,
            n_head=member.heads,
            n_positions=POSITIONS,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **tokens,
        )
    kind = LlamaConfig if member.architecture == "llama" else Qwen2Config
    return kind(
        hidden_size=member.width,
        intermediate_size=3 * member.width,
        num_hidden_layers=member.layers,
        num_attention_heads=member.heads,
        num_key_value_heads=member.heads,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        **tokens,
    )


def loss_of(model: Module, ids: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of the cross-entropy of each next token; ids and weights (B, S)."""
    # padding stands on the right, where nothing before it can see it
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]  # (B, S - 1, V)
    each = functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    weight = weights[:, 1:].flatten()
    return (each * weight).sum() / weight.sum()


def share_of_peak(step: int, steps: int) -> float:
    """The learning rate as a share of its peak: a linear warm-up, then half a cosine down to a twentieth.

    >>> share_of_peak(49, 1000), share_of_peak(1000, 1000)
    (0.5, 0.05)
    """
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def optimisers(model: Module) -> tuple[Optimizer, Optimizer]:
    """Muon for the matrices of the blocks, AdamW for embeddings, norms and biases."""
    named = list(model.named_parameters())
    blocks = [weight for name, weight in named if weight.ndim == 2 and not _embeds(name)]
    others = [weight for name, weight in named if weight.ndim != 2 or _embeds(name)]
    adamw = AdamW(others, lr=PEAK_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    return Muon(blocks, lr=PEAK_LEARNING_RATE), adamw


def _embeds(name: str) -> bool:
    return any(part in name for part in ("embed_tokens", "wte", "wpe"))


def teach(member: Member, tokenizer: Tokenizer, seed: int) -> PreTrainedModel:
    """A member after its training, on one thread, so that a seed gives the same weights on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        configuration(member, tokenizer), attn_implementation="eager"
    )
    model.train()
    steppers = optimisers(model)
    schedules = [LambdaLR(stepper, lambda step: share_of_peak(step, member.steps)) for stepper in steppers]
    lessons = batches(member, tokenizer, Random(f"{seed} {member.name}"))
    started = time.monotonic()
    for step in range(1, member.steps + 1):
        loss = loss_of(model, *next(lessons))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper, schedule in zip(steppers, schedules, strict=True):
            stepper.step()
            schedule.step()
            stepper.zero_grad(set_to_none=True)
        if step % REPORT_EVERY == 0:
            left_s = (time.monotonic() - started) / step * (member.steps - step)
            print(
                f"{member.name} {step}/{member.steps} loss {loss:.3f}, {left_s:.0f} s left", file=sys.stderr, flush=True
            )
    model.eval()  # type: ignore[no-untyped-call]
    return model


def build(name: str, folder: Path, seed: int) -> tuple[str, float, int]:
    """Train a member and write it; its name, the CPU seconds that took, and its parameters."""
    member, before_s = MEMBERS[name], time.process_time()
    tokenizer = learn(member.vocabulary, corpus(seed))
    model = teach(member, tokenizer, seed)
    parameters = sum(weight.numel() for weight in model.parameters())
    _save(model, tokenizer, folder / name)
    return name, time.process_time() - before_s, parameters


def _save(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    # half precision halves what is shipped; the rounded weights are what every figure is measured on
    model.to(torch.float16).save_pretrained(folder)  # type: ignore[arg-type]
    end, pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)
    GenerationConfig(eos_token_id=end, pad_token_id=pad).save_pretrained(folder)  # type: ignore[no-untyped-call]
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=POSITIONS,
    ).save_pretrained(folder)


def train(out: Path = WEIGHTS, seed: int = 0, workers: int = 2) -> None:
    """Train all members, one process each, and freeze them.

    Args:
        out: folder to write; a model already there is replaced.
        seed: of vocabularies, initial weights and lessons.
        workers: processes at once, each on one core.
    """
    started = time.monotonic()
    # the longest first, so that the others fill the time beside it
    order = sorted(MEMBERS.values(), key=lambda member: -member.steps * member.layers * member.width**2)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        built = [pool.submit(build, member.name, out, seed) for member in order]
        results = [one.result() for one in built]
    facts: dict[str, object] = {
        "seed": seed,
        "parameters": {name: parameters for name, _, parameters in results},
        "cpu_s": {name: round(cpu_s) for name, cpu_s, _ in results},
        "wall_s": round(time.monotonic() - started),
        "versions": {
            "python": platform.python_version(),
            **{module.__name__: module.__version__ for module in (torch, transformers, tokenizers)},
        },
    }
    freeze(out, facts)
    print(f"wrote {out} in {facts['wall_s']} s", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes at once, each on one core")
    train(**vars(parser.parse_args()))
