"""Every method that decides token by token writes what its oracle writes, on models with tokenizers of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import pytest

from anabranch.serving.fusion.during.core import CoRE
from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.me import ME
from anabranch.serving.fusion.during.packllm import PackLLM
from anabranch.serving.fusion.during.purify import Purify
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.unite import UniTE
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.pocket.questions import questions
from tests.serving.fusion.during.oracles import (
    ALIKE,
    CLOSE,
    NATS,
    OTHERS,
    TOKENS,
    WEIGHTS,
    Judge,
    Member,
    Verdict,
    core,
    gac,
    gac_when_unsure,
    me,
    member,
    packed,
    packllm,
    purify,
    unite,
)


@dataclass
class Agreement:
    """Steps at which an oracle was asked, those of them that were too close to tell, and those that were the same."""

    steps: int = 0
    close: int = 0
    same: int = 0

    def note(self, found: Added, expected: Verdict) -> None:
        self.steps += 1
        if expected.margin < CLOSE:
            self.close += 1
        else:
            same = (None if found.ends else found.written) == expected.best
            self.same += same and abs(found.logprob - log(expected.share)) < NATS

    def check(self, least: int) -> None:
        assert self.steps >= least and self.close <= 0.02 * self.steps, self
        assert self.same >= 0.99 * (self.steps - self.close), self


def prompts_of(count: int, names: Sequence[str]) -> list[list[tuple[int, ...]]]:
    """Questions whose right answers are long."""
    asked = sorted(questions(5 * count, seed=23), key=lambda question: -len(question.reference))[:count]
    chats = [[{"role": "user", "content": question.prompt}] for question in asked]
    return [[member(name).rows.tokenizer.chat(chat) for name in names] for chat in chats]


def compare(
    step: Step, names: Sequence[str], prompts: Sequence[Sequence[Sequence[int]]], judge: Judge, temperature: float = 0.0
) -> Agreement:
    """Write all texts step by step; at each the oracle reads what was written so far, whoever wrote it."""
    members, agreement = [member(name) for name in names], Agreement()
    ensemble = Ensemble.of([each.rows for each in members])
    sampling = [Sampling(temperature, seed=at) for at in range(len(prompts))]
    texts = ensemble.begin(prompts, [WEIGHTS] * len(prompts), sampling)
    step.begin(ensemble, texts)
    running = list(range(len(texts)))
    for _ in range(TOKENS):
        ids = [
            [[*prompts[at][place], *each.encode(texts[at].written)] for at in running]
            for place, each in enumerate(members)
        ]
        laws = [each.last(many) for each, many in zip(members, ids, strict=True)]
        added = step(ensemble, [texts[at] for at in running])
        for at, (one,), *ps in zip(running, added, *laws, strict=True):
            agreement.note(one, judge(at, ps))
            texts[at].written += one.written
        running = [at for at, (one,) in zip(running, added, strict=True) if not one.ends]
        if not running:
            break
    ensemble.end(texts)
    return agreement


COUNTS = [pytest.param(5, id="few"), pytest.param(30, id="many", marks=pytest.mark.slow)]
CASES: dict[str, tuple[Step, Sequence[str], Callable[[Sequence[Member]], Judge], float]] = {
    "gac": (GaC(), OTHERS, gac, 0.0),
    "gac when unsure": (GaC(threshold=0.8), OTHERS, gac_when_unsure(0.8), 0.0),
    "unite": (UniTE(), OTHERS, unite, 0.0),
    "me": (ME(), OTHERS, me, 1.0),
    "purify": (Purify(), ALIKE, purify, 0.0),
    "core gac": (CoRE(align="gac"), OTHERS, core("rbf", "gac"), 0.0),
    **{
        f"core {kind}": (CoRE(kind=kind), OTHERS, core(kind, "unite"), 0.0)
        for kind in ("linear", "power", "rbf", "rec")
    },
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_written_is_what_the_oracle_writes(name: str, count: int) -> None:
    step, names, oracle, temperature = CASES[name]
    judge = oracle([member(each) for each in names])
    compare(step, names, prompts_of(count, names), judge, temperature).check(least=3 * count)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("how", ["sim", "opt"])
def test_packllm_weighs_and_writes_as_its_oracle_does(how: str, count: int) -> None:
    prompts = prompts_of(count, OTHERS)
    asked = [packed(OTHERS, each, how) for each in prompts]
    ensemble = Ensemble.of([member(name).rows for name in OTHERS])
    texts = ensemble.begin(prompts)
    PackLLM(how=how).begin(ensemble, texts)
    ensemble.end(texts)
    assert [text.memory for text in texts] == [one.reference for one in asked]
    assert [text.weights for text in texts] == [pytest.approx(one.weights, abs=1e-3) for one in asked]
    compare(PackLLM(how=how), OTHERS, prompts, packllm(asked)).check(least=3 * count)
