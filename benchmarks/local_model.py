"""Tokens a second of a local model on one thread, against `generate` of transformers; prints JSON.

    python benchmarks/local_model.py

A random Llama of 4 layers and width 192, prompts of 32 tokens, greedy completions of 128, float32:

    ours_1, ours_32           `LocalModel.complete_text`, one call or 32 calls at once
    generate_1, generate_32   `model.generate` on a ready-made tensor of ids: no text, no queue, no thread

Goals: ours_1 at least as fast as generate_1, and ours_32 at least 8 times as fast as ours_1. The four are interleaved
round by round; medians of the rounds' ratios are what to compare between machines.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.text_completion import TextRequest

LAYERS, WIDTH, VOCABULARY, PROMPT, TOKENS, BATCHES, ROUNDS = 4, 192, 1024, 32, 128, (1, 32), 5


def model_folder(folder: Path) -> LlamaForCausalLM:
    """The model, and in the folder it and a tokenizer; it has no token that ends a text."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=512,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    backend = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w0"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    model.train(False)
    return model


def prompts(batch: int) -> torch.Tensor:
    """Token ids, int64 (batch, PROMPT)."""
    return torch.randint(VOCABULARY, (batch, PROMPT), generator=torch.Generator().manual_seed(batch))


def generate(model: LlamaForCausalLM, batch: int) -> Callable[[], object]:
    """The peer."""
    ids = prompts(batch)
    return lambda: model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False, use_cache=True
    )


def complete(runner: asyncio.Runner, local: LocalModel, batch: int) -> Callable[[], object]:
    """As many calls at once."""
    asked = [TextRequest("local", tuple(ids), max_tokens=TOKENS) for ids in prompts(batch).tolist()]

    async def ask() -> None:
        await asyncio.gather(*(local.complete_text(request) for request in asked))

    return lambda: runner.run(ask())


def measure(ways: dict[str, tuple[int, Callable[[], object]]]) -> list[dict[str, float]]:
    """Tokens a second of each way, round by round; the first is not counted."""
    rounds = []
    for _ in range(1 + ROUNDS):
        speeds = {}
        for name, (batch, way) in ways.items():
            start = time.perf_counter()
            way()
            speeds[name] = batch * TOKENS / (time.perf_counter() - start)
        rounds.append(speeds)
    return rounds[1:]


def ratio(rounds: list[dict[str, float]], above: str, below: str) -> float:
    return round(statistics.median(speeds[above] / speeds[below] for speeds in rounds), 2)


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        model = model_folder(Path(folder))
        local = LocalModel("local", Path(folder), device="cpu", max_batch=max(BATCHES), threads=1)
        ways = {f"ours_{batch}": (batch, complete(runner, local, batch)) for batch in BATCHES}
        ways |= {f"generate_{batch}": (batch, generate(model, batch)) for batch in BATCHES}
        rounds = measure(ways)
        runner.run(local.close())
    ratios = {
        "ours_1_over_generate_1": ratio(rounds, "ours_1", "generate_1"),
        "ours_32_over_generate_32": ratio(rounds, "ours_32", "generate_32"),
        "ours_32_over_ours_1": ratio(rounds, "ours_32", "ours_1"),
    }
    goals = {
        "ours_1_at_least_generate_1": ratios["ours_1_over_generate_1"] >= 1,
        "ours_32_at_least_8x_ours_1": ratios["ours_32_over_ours_1"] >= 8,
    }
    speeds = {name: round(statistics.median(speeds[name] for speeds in rounds)) for name in ways}
    print(json.dumps({"rounds": ROUNDS, "tokens_per_s": speeds, "ratios": ratios, "goals": goals}, indent=2))


if __name__ == "__main__":
    main()
