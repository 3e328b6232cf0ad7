"""What a step of a fused text costs beside one step of each of its models."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from anabranch.serving.fusion.during.engine import FusionEngine
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.fused_order import FusedOrder
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.me import ME
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.symbols import Symbols
from anabranch.serving.fusion.during.unite import UniTE
from anabranch.upstreams.local.completion import Completion
from anabranch.upstreams.local.sampling import Sampling
from benchmarks.fusion.models import PAIRS, Member, prose
from benchmarks.timing import spent_s

METHODS: dict[str, Step] = {"gac": GaC(), "unite": UniTE(), "me": ME()}
STEPS = 64
AT_ONCE = 2**31  # prompts are read before the steps that are measured, and not between them
LEAST = {"pocket": 0.9, "random": 0.95}  # of E_sum, from LONG on, where the models' steps sum to WORTH_MS or more
LONG, WORTH_MS = 256, 2.0
OVERHEAD_MS = 0.2  # of a step, where they do not
ME_LEAST = 1.5
STEEPEST = 1.25  # what a longer prefix may add to a step, over what it adds to the models' own

Row = dict[str, Any]
Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Scripted(Step):
    """A method that does all its work and then writes a given text, so that all arms write the same.

    A random model's own choices would be no text that any tokenizer writes.

    Args:
        method: whose work is done.
        tokens: of the text, as the first model writes it.
    """

    method: Step
    tokens: tuple[bytes, ...]

    def begin(self, ensemble: Ensemble, texts: Sequence[Text]) -> None:
        """See `Step`; all texts begin at once, each a token further on, and all models read their prompts."""
        for place, text in enumerate(texts):
            text.memory = iter(self.tokens[place:])
        for model in range(len(ensemble.models)):
            ensemble.ask(model, texts)

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        found = self.method(ensemble, texts)
        return [(one._replace(written=next(text.memory)),) for text, (one, *_) in zip(texts, found, strict=True)]


def steps(
    pairs: Sequence[str] = tuple(PAIRS),
    prefixes: Sequence[int] = (32, 256, 1024),
    batches: Sequence[int] = (1, 8),
    *,
    repeats: int = 7,
    device: str = "cpu",
) -> Row:
    """Milliseconds of a step of each model alone and of each method, and their ratio, E_sum."""
    rows = []
    for pair in pairs:
        members = PAIRS[pair](device)
        ensemble = Ensemble.of([member.rows for member in members])
        for prefix in prefixes:
            for batch in batches:
                found = _compared(pair, members, ensemble, prefix, batch, repeats)
                print(json.dumps(found), file=sys.stderr, flush=True)  # as it is measured, since all of it takes long
                rows += found
    return {"rows": rows, "goals": goals(rows)}


def _compared(
    pair: str, members: Sequence[Member], ensemble: Ensemble, prefix: int, batch: int, repeats: int
) -> list[Row]:
    """All arms by turns, each at its best."""
    script = prose()
    ids = [member.ids(script) for member in members]
    tokens = tuple(members[0].rows.vocabulary.written[one] or b"" for one in ids[0][: STEPS + batch + 1])
    prompts = [one[:prefix] for one in ids]
    arms: dict[str, Callable[[], float]] = {
        **{
            member.name: partial(alone_ms, member, members, one, prefix, batch)
            for member, one in zip(members, ids, strict=True)
        },
        **{
            name: partial(fused_ms, Scripted(method, tokens), members, ensemble, prompts, batch)
            for name, method in METHODS.items()
        },
    }
    best = dict.fromkeys(arms, float("inf"))
    work = {}
    for _ in range(repeats):
        for name, arm in arms.items():
            before = _work(members)
            best[name] = min(best[name], arm())
            work[name] = [now - was for now, was in zip(_work(members), before, strict=True)]
    alone = [best[member.name] for member in members]
    return [
        {
            "pair": pair,
            "prefix": prefix,
            "batch": batch,
            "method": name,
            "ms": best[name],
            "alone_ms": alone,
            "e_sum": sum(alone) / best[name],
            "overhead_ms": best[name] - sum(alone),
            # what read the prompts and chose the first token is not of the steps
            "forwards_a_step": (work[name][0] - len(members)) / STEPS,
            "tokens_a_step": (work[name][1] - len(members) * prefix * batch) / STEPS / batch,
        }
        for name in METHODS
    ]


def fused_ms(step: Step, members: Sequence[Member], ensemble: Ensemble, prompts: Prompts, batch: int) -> float:
    """Milliseconds of a turn of the engine; the prompts were read before."""
    names = [member.name for member in members]
    engine = FusionEngine("benchmark", names, ensemble, step, batch, prefill_tokens=AT_ONCE)
    order = FusedOrder(
        prompt=prompts[0],
        max_tokens=STEPS + 1,
        sampling=Sampling(seed=0),
        prompts=tuple(map(tuple, prompts)),
        weights=(1 / len(members),) * len(members),
        streams=True,
    )
    decode = Symbols(ensemble.union).decode
    waiting = deque(Completion(order, decode, lambda piece: None) for _ in range(batch))
    engine.turn(waiting)

    def finish() -> None:
        while not engine.idle:
            engine.turn(waiting)

    return _ms(finish, members)


@torch.inference_mode()
def alone_ms(member: Member, members: Sequence[Member], ids: Sequence[int], prefix: int, batch: int) -> float:
    """Milliseconds of a step of one model in the plain loop of transformers, with its own growing cache."""
    forward = member.forward
    given = torch.tensor([ids[place : place + prefix + STEPS] for place in range(batch)], device=forward.device)
    cache = DynamicCache(config=forward.model.config)
    forward(given[:, :prefix], cache)

    def finish() -> None:
        for place in range(prefix, prefix + STEPS):
            logits, _ = forward(given[:, place : place + 1], cache)
            logits.argmax(dim=-1).tolist()

    return _ms(finish, members)


def _ms(call: Callable[[], None], members: Sequence[Member]) -> float:
    """Milliseconds a step: of the processor on a CPU, so that what else runs disturbs little, and of the clock else."""
    device = members[0].forward.device
    if device.type == "cpu":
        return 1000 * spent_s(call) / STEPS
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    call()
    torch.cuda.synchronize(device)
    return 1000 * (time.perf_counter() - start) / STEPS


def _work(members: Sequence[Member]) -> tuple[int, int]:
    return sum(one.rows.work.forwards for one in members), sum(one.rows.work.tokens for one in members)


def goals(rows: Sequence[Row]) -> dict[str, bool]:
    """By pair and method, over all batches."""
    goals = {}
    for pair, method in dict.fromkeys((row["pair"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["pair"], row["method"]) == (pair, method)]
        long = [row for row in mine if row["prefix"] >= LONG]
        if method == "me":
            goals[f"{pair}_me_at_least_{ME_LEAST}"] = all(row["e_sum"] >= ME_LEAST for row in long)
        else:
            worth = [row for row in long if sum(row["alone_ms"]) >= WORTH_MS]
            goals[f"{pair}_{method}_at_least_{LEAST[pair]}"] = all(row["e_sum"] >= LEAST[pair] for row in worth)
            short = [row for row in long if row not in worth]
            goals[f"{pair}_{method}_overhead_under_{OVERHEAD_MS}_ms"] = all(
                row["overhead_ms"] < OVERHEAD_MS for row in short
            )
        goals[f"{pair}_{method}_no_steeper_than_its_models"] = all(
            _rise(mine, batch, "ms") <= STEEPEST * _rise(mine, batch, "alone_ms") + OVERHEAD_MS / 2
            for batch in {row["batch"] for row in mine}
        )
    return goals


def _rise(rows: Sequence[Row], batch: int, what: str) -> float:
    """Milliseconds that the longest prefix takes more than the shortest."""
    here = sorted((row for row in rows if row["batch"] == batch), key=lambda row: int(row["prefix"]))
    first, last = (one[what] if what == "ms" else sum(one[what]) for one in (here[0], here[-1]))
    return float(last - first)
