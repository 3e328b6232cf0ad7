"""Tokens a second of each pocket model, one chat at a time and 32 at once, on one thread; prints JSON.

    python benchmarks/pocket.py [--device cuda]

Real chats: the first 128 prompts of the frozen test, greedy, answers as long as the model makes them, so that a call is
a prefill and some ten steps. `together_over_alone` is what batching gains. `over_full_forwards` compares one chat at a
time with the plain way to use a causal model, a forward over the whole text for each token; the answers are the same.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.pocket.frozen import check_frozen, test_questions
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.upstream import Reply, Request

PROMPTS, TOGETHER, MOST_TOKENS, FULL = 128, 32, 64, 16


def requests(name: str) -> list[Request]:
    chats = [({"role": "user", "content": question.prompt},) for question in test_questions()[:PROMPTS]]
    return [Request(name, chat, max_tokens=MOST_TOKENS, temperature=0.0) for chat in chats]


async def ask(model: LocalModel, asked: Sequence[Request], at_once: int) -> tuple[list[Reply], float]:
    """The replies, and tokens a second."""
    slots = asyncio.Semaphore(at_once)

    async def one(request: Request) -> Reply:
        async with slots:
            return await model.complete(request)

    started = time.perf_counter()
    replies = await asyncio.gather(*map(one, asked))
    seconds = time.perf_counter() - started
    return replies, sum(reply.usage.completion_tokens for reply in replies if reply.usage) / seconds


@torch.inference_mode()
def full_forwards(name: str, asked: Sequence[Request], device: str) -> tuple[list[str], float]:
    """The answers without a cache, and tokens a second."""
    folder = check_frozen(name)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.to(device)  # type: ignore[arg-type]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    answers, tokens, started = [], 0, time.perf_counter()
    for request in asked:
        messages = [dict(message) for message in request.messages]
        chat = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(chat, return_tensors="pt")["input_ids"].to(device)
        begin = ids.shape[1]
        while ids.shape[1] < begin + MOST_TOKENS:
            following = model(input_ids=ids, use_cache=False).logits[:, -1:].argmax(-1)
            ids = torch.cat([ids, following], dim=1)
            if following.item() == tokenizer.eos_token_id:
                break
        tokens += ids.shape[1] - begin
        answers.append(str(tokenizer.decode(ids[0, begin:], skip_special_tokens=True)))
    return answers, tokens / (time.perf_counter() - started)


def measure(name: str, device: str) -> dict[str, float | bool]:
    async def both() -> tuple[list[Reply], float, float]:
        model = LocalModel(name, check_frozen(name), device=device, max_batch=TOGETHER, threads=1)
        asked = requests(name)
        await ask(model, asked[:TOGETHER], TOGETHER)  # loads, and warms up
        _, alone = await ask(model, asked, 1)
        replies, together = await ask(model, asked, TOGETHER)
        await model.close()
        return replies, alone, together

    replies, alone, together = asyncio.run(both())
    answers, full = full_forwards(name, requests(name)[:FULL], device)
    return {
        "tokens_per_s_1": round(alone),
        "tokens_per_s_32": round(together),
        "together_over_alone": round(together / alone, 2),
        "over_full_forwards": round(alone / full, 2),
        "same_answers": answers == [reply.text for reply in replies[:FULL]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    torch.set_num_threads(1)
    print(json.dumps({"device": device, **{name: measure(name, device) for name in MEMBERS}}, indent=2))


if __name__ == "__main__":
    main()
