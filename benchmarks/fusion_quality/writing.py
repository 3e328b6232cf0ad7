"""What models that write together answer, and what that takes of each of them."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.pocket.frozen import check_frozen
from benchmarks.fusion_quality.arms import MAX_TOKENS

BATCH = 32


@dataclass(eq=False)
class Answer:
    """One answer.

    Args:
        prompt_tokens: M, that each model reads.
        written: its bytes.
        computed: M, tokens that each model computed.
        tokens: that it was written in.
    """

    prompt_tokens: tuple[int, ...]
    written: bytes = b""
    computed: list[int] = field(default_factory=list)
    tokens: int = 0

    @property
    def text(self) -> str:
        """As a client would see it."""
        return self.written.decode("utf-8", "replace")


def load(names: Sequence[str]) -> Ensemble:
    """Pocket models, ready to write together."""
    return Ensemble.of([load_rows(check_frozen(name), "cpu", "float32") for name in names])


@torch.inference_mode()
def answers(step: Step, ensemble: Ensemble, prompts: Sequence[str], seed: int = 0) -> tuple[list[Answer], float]:
    """The answers to prompts, greedily, as many at once as a server would write; and seconds of the processor."""
    started = time.process_time()
    laid = [_laid_out(ensemble, prompt) for prompt in prompts]
    found = [Answer(tuple(map(len, each)), computed=[0] * len(ensemble.models)) for each in laid]
    waiting, running = deque(range(len(prompts))), list[tuple[int, Text]]()
    while waiting or running:
        new = [waiting.popleft() for _ in range(min(len(waiting), BATCH - len(running)))]
        if new:
            draws = [Sampling(seed=seed + at) for at in new]  # which `me` draws models with
            texts = ensemble.begin([laid[at] for at in new], sampling=draws)
            step.begin(ensemble, texts)
            running += zip(new, texts, strict=True)
        added = step(ensemble, [text for _, text in running])
        over = [_take(found[at], text, tokens) for (at, text), tokens in zip(running, added, strict=True)]
        ensemble.end([text for (_, text), ends in zip(running, over, strict=True) if ends])
        running = [one for one, ends in zip(running, over, strict=True) if not ends]
    return found, time.process_time() - started


def _laid_out(ensemble: Ensemble, prompt: str) -> list[list[int]]:
    chat = [{"role": "user", "content": prompt}]
    return [[*model.tokenizer.chat(chat)] for model in ensemble.models if isinstance(model, LiveRows)]


def _take(answer: Answer, text: Text, added: Sequence[Added]) -> bool:
    """Whether the text is over then; what a step adds beyond the limit is not used, and was computed all the same."""
    answer.computed = [before + sum(each) for before, each in zip(answer.computed, _by_model(added), strict=True)]
    for token in added:
        answer.written += token.written
        answer.tokens += 1
        if token.ends or answer.tokens == MAX_TOKENS:
            return True
    text.written = answer.written
    return False


def _by_model(added: Sequence[Added]) -> list[tuple[int, ...]]:
    return list(zip(*(token.computed for token in added), strict=True))
