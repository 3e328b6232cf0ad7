"""A cascade in bad luck, within its limits, and when nobody waits; prices are 1, 4 and 16 USD a word."""

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.state import Abstain, Action, Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.cascade import Cascade
from anabranch.upstreams import errors
from anabranch.upstreams.upstream import Capabilities, Request
from tests.serving.birds import BIRDS, Bird, Say, calls_of, chat, text_of
from tests.serving.cascades import (
    CHAIN,
    KIND,
    POLICIES,
    ROUTER,
    ROWS,
    SIGNALS,
    SURE,
    TEXTS,
    UNSURE,
    birds,
    cascade,
    plan,
    run,
)

# Bad luck


FAULTS = [errors.RateLimited, errors.EmptyAnswer, errors.ContextTooLong, errors.TimedOut]


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("streamed", [False, True])
@settings(max_examples=8, deadline=None)
@given(fails=st.lists(st.sampled_from([None, None, *FAULTS]), min_size=8, max_size=8), row=st.integers(0, ROWS - 1))
def test_any_failures_end_in_an_answer_or_an_error(name: str, streamed: bool, fails: list[Any], row: int) -> None:
    count = 0

    def say(request: Request, call: int) -> Say:
        nonlocal count
        kind = fails[count % len(fails)]
        count += 1
        fault = None if kind is None else kind("far", "failed")
        return Say("4 4" if count % 3 else "5", (-0.5 * (count % 3) - 0.1,), breaks=fault)

    strategy = cascade(POLICIES[name], router=ROUTER, usual_cost_usd=(2.0, 8.0, 32.0), answers=KIND, signals=SIGNALS)
    calls = calls_of({bird: Bird(bird, say) for bird in BIRDS}, chat(TEXTS[row]))
    answer: str | None = None
    try:
        answer = run(text_of(strategy.stream(calls))) if streamed else run(strategy.complete(calls)).text
    except (errors.UpstreamError, Refused) as error:
        assert str(error)
    failed = [call.error for call in calls.record.calls]
    assert len(failed) == count <= 9
    if answer is None:
        assert None not in failed
    else:
        assert answer in ("4 4", "5")


def test_the_last_failure_is_the_error() -> None:
    flying = birds(*(Say("x", breaks=kind("far", "failed")) for kind in FAULTS[:3]))
    with pytest.raises(errors.ContextTooLong):
        run(cascade().complete(calls_of(flying)))


def test_abstaining_is_an_error_of_its_own() -> None:
    @dataclass(frozen=True)
    class Shy:
        models: tuple[int, ...] = (0,)

        def decide(self, state: State) -> Action:
            return Abstain("too hard") if state.candidates else Call((0,))

    with pytest.raises(Refused, match=r"the cascade gives no answer \(too hard\)") as caught:
        run(cascade(Shy()).complete(calls_of(birds(Say("a"), Say("b"), Say("c")))))
    assert (caught.value.status, caught.value.code) == (422, "abstained")


def test_a_model_that_cannot_serve_a_request_has_failed_for_nothing() -> None:
    flying = birds(Say("a"), Say("b", SURE), Say("c"))
    flying["wren"].capabilities = Capabilities(tools=False)
    tools = {"tools": [{"type": "function"}]}
    calls = calls_of(flying, chat(extra=tools))
    assert run(cascade().complete(calls)).text == "b"
    assert [call.model for call in calls.record.calls] == ["jay"]
    for bird in flying.values():
        bird.capabilities = Capabilities(tools=False)
    with pytest.raises(Refused, match="no model can serve this: model 'wren' calls no functions"):
        run(cascade().complete(calls_of(flying, chat(extra=tools))))


def test_a_policy_that_goes_on_for_ever_is_stopped() -> None:
    @dataclass(frozen=True)
    class Endless:
        models: tuple[int, ...] = (0,)

        def decide(self, state: State) -> Action:
            return Call((0,))

    calls = calls_of(birds(Say("a"), Say("b"), Say("c")))
    assert run(cascade(Endless()).complete(calls)).text == "a"
    assert (len(calls.record.calls), calls.record.reason) == (64, "too_many_waves")


# Limits


def test_too_slow_has_failed_and_what_it_cost_is_not_known() -> None:
    flying = birds(Say("a b", hang=1), Say("quick", SURE), Say("c"))
    calls = calls_of(flying)
    assert run(cascade(timeout_s=0.02).complete(calls)).text == "quick"
    assert flying["wren"].cancelled == 1
    assert [call.error for call in calls.record.calls] == ["TimedOut", None]
    assert calls.record.calls[0].cost_usd is None and calls.record.cost_usd is None


@pytest.mark.parametrize(("place", "shown"), [(0, ["b", ""]), (1, ["x"])])
def test_a_stream_may_be_too_slow(place: int, shown: list[str]) -> None:
    """Before its first piece the latest answer there is comes instead; after it, it is an error."""
    got: list[str] = []

    async def use() -> None:
        flying = birds(Say("a", UNSURE), Say("b", UNSURE), Say("x y", hang=place))
        async for chunk in await cascade(timeout_s=0.02).stream(calls_of(flying)):
            got.append(chunk.text)

    with suppress(errors.TimedOut):
        run(use())
    assert got == shown


def test_a_bill_that_is_not_known_is_expected_to_be_usual() -> None:
    """A limit of 10 USD; the wren hangs, 2 USD, and the jay would be 8 more: fits. At 9.5 it does not."""
    ends: list[Any] = []
    for limit in (10.0, 9.5):
        policy = BudgetGuard(CHAIN, limit)
        calls = calls_of(birds(Say("a", hang=0), Say("quick", SURE), Say("c")))
        strategy = cascade(policy, timeout_s=0.02, usual_cost_usd=(2.0, 8.0, 32.0))
        try:
            ends.append(run(strategy.complete(calls)).text)
        except errors.TimedOut:
            ends.append("timed out")
    assert ends == ["quick", "timed out"]


def test_later_calls_get_what_tokens_are_left() -> None:
    """Of 5 tokens the wren takes 3 and the jay the other 2; then the surer of the two answers, the wren's."""
    flying = birds(Say("a b c", (-1.0,)), Say("d e f", UNSURE), Say("x"))
    calls = calls_of(flying)
    assert run(cascade(max_completion_tokens=5).complete(calls)).text == "a b c"
    assert [bird.requests[0].max_tokens for bird in (flying["wren"], flying["jay"])] == [5, 2]
    assert (calls.record.model, calls.record.reason) == ("wren", "over_tokens")
    assert not flying["owl"].requests


def test_a_wave_shares_what_tokens_are_left() -> None:
    """11 of 3 calls: 3 for each; 2 x 3 + 1 are used, and the owl gets the other 4, or the client's 1."""
    policy = Consistency((0, 1, 2), samples=1, tau=0.9)
    for asked, granted in ((None, [5, 5, 4]), (1, [1, 1, 1])):
        flying = birds(Say("a a a a a a"), Say("b"), Say("c c c c c c c c"))
        run(cascade(policy, max_completion_tokens=10).complete(calls_of(flying, chat(max_tokens=asked))))
        assert [bird.requests[0].max_tokens for bird in flying.values()] == granted


def test_samples_of_a_model_differ_where_the_client_fixes_a_seed() -> None:
    flying = birds(Say("a"), Say("b"), Say("c"))
    run(cascade(Consistency((0, 2), samples=3)).complete(calls_of(flying, chat(seed=7))))
    assert [request.seed for request in flying["wren"].requests] == [7, 8, 9]


# Tools

CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": ""}}]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "4"}
SAID = {"role": "assistant", "content": "it is 4"}
USER = {"role": "user", "content": "what is it?"}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ((USER, CALL, RESULT), "tool_use"),
        ((USER, CALL), "tool_use"),
        ((USER, CALL, USER), "tool_use"),
        ((USER, CALL, RESULT, SAID, USER), "sure"),
        ((USER, CALL, RESULT, USER), "sure"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_there_is_no_cascade_in_the_middle_of_tool_use(messages: tuple[Any, ...], reason: str, streamed: bool) -> None:
    calls = calls_of(birds(Say("small", SURE), Say("middle"), Say("large")), Request("cascade", messages))
    text = run(text_of(cascade().stream(calls))) if streamed else run(cascade().complete(calls)).text
    assert text == ("large" if reason == "tool_use" else "small")
    assert (len(calls.record.calls), calls.record.reason) == (1, reason)
    assert calls.record.model == ("owl" if reason == "tool_use" else "wren")


# Nobody waits any more


@pytest.mark.parametrize("streamed", [False, True])
def test_who_leaves_cancels_all_calls_of_a_wave(streamed: bool) -> None:
    flying = birds(Say("a", hang=0), Say("b", hang=0), Say("c"))
    calls = calls_of(flying)
    strategy = cascade(SemanticAgreement((0, 1, 2)))

    async def use() -> None:
        work: Awaitable[Any] = strategy.stream(calls) if streamed else strategy.complete(calls)
        task = asyncio.ensure_future(work)
        await asyncio.gather(flying["wren"].running.wait(), flying["jay"].running.wait())
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run(use())
    assert [bird.cancelled for bird in flying.values()] == [1, 1, 0]
    assert [call.error for call in calls.record.calls] == ["Cancelled", "Cancelled"]
    assert calls.record.cost_usd is None


def test_who_leaves_a_stream_cancels_its_call() -> None:
    flying = birds(Say("a", UNSURE), Say("b", UNSURE), Say("c d e"))
    calls = calls_of(flying)

    async def use() -> None:
        async with aclosing(await cascade().stream(calls)) as pieces:
            assert (await anext(pieces)).text == "c"

    run(use())
    assert [call.error for call in calls.record.calls] == [None, None, "Cancelled"]


def test_a_defect_cancels_the_calls_beside_it() -> None:
    def defect(request: Request, call: int) -> Say:
        raise RuntimeError("no such word")

    flying = birds(Say("a", hang=0), Say("b"), Say("c"))
    flying["jay"].script = defect
    calls = calls_of(flying)
    with pytest.raises(RuntimeError):
        run(cascade(SemanticAgreement((0, 1, 2))).complete(calls))
    assert (flying["wren"].cancelled, calls.record.calls[0].error) == (1, "Cancelled")


# Settings


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"models \(0, 1, 2\); there are 2"):
        Cascade(replace(plan(CHAIN), models=("wren", "jay")))
    with pytest.raises(ValueError, match=r"a policy calls models \(\)"):
        cascade(CHAIN, Consistency((0, 2)), Nobody())
    with pytest.raises(ValueError, match=r"the router estimates \('wren', 'jay'\); the cascade calls"):
        cascade(router=replace(ROUTER, arms=("wren", "jay")))
    with pytest.raises(ValueError, match="must be above 0, not 0"):
        cascade(max_completion_tokens=0)


@dataclass(frozen=True)
class Nobody:
    models: tuple[int, ...] = ()

    def decide(self, state: State) -> Action:
        return Abstain("nobody")


# Trade-offs and signals


def test_the_trade_off_of_a_request_chooses_the_policy() -> None:
    """Three stops at 0, 1/2 and 1: the wren alone, a chain, the owl alone; the chain is the calibrated one."""
    alone = [ThresholdChain((model,), (), "tokens") for model in (0, 2)]
    strategy = cascade(alone[0], CHAIN, alone[1], tradeoff=0.5)
    said = []
    for wish in (None, 0.0, 0.2, 0.25, 1.0):
        calls = calls_of(birds(Say("a", UNSURE), Say("b", SURE), Say("c")))
        calls.tradeoff = wish
        said.append(run(strategy.complete(calls)).text)
    assert said == ["b", "a", "a", "b", "c"]


def test_answers_are_compared_as_the_plan_says() -> None:
    """As numbers the first two agree, 4 = 4.0; as nothing at all they do not, and the owl is asked."""
    for kind, text in (("number", "4"), (None, "5")):
        calls = calls_of(birds(Say("4"), Say("it is 4.0"), Say("5")))
        assert run(cascade(SemanticAgreement((0, 1, 2)), answers=kind).complete(calls)).text == text


def test_a_slow_scorer_holds_nobody_up() -> None:
    """The network waits for what happens on the loop meanwhile, and reads the prompt and what was written."""
    read: list[tuple[int, str, str]] = []
    go_on, asked = threading.Event(), threading.Event()

    def slow(answers: Sequence[Answered]) -> NDArray[np.float32]:
        asked.set()
        assert go_on.wait(5)
        read.extend((one.model, one.prompt, one.answer) for one in answers)
        return np.full(len(answers), 0.5 + 0.5 * answers[0].model, np.float32)

    scored = ThresholdChain((0, 1, 2), (0.75, 0.75), "scorer")

    async def use() -> str:
        with ThreadPoolExecutor(1) as threads:
            strategy = cascade(scored, signals=(Scorer("scorer", "f", slow),), threads=threads)
            calls = calls_of(birds(Say("a"), Say("b"), Say("c")), chat("what is it?"))
            answering = asyncio.create_task(strategy.complete(calls))
            while not asked.is_set():
                await asyncio.sleep(0.001)
            assert not answering.done()
            go_on.set()
            return (await answering).text

    assert run(use()) == "b"
    assert read == [(0, "what is it?", "a"), (1, "what is it?", "b")]
