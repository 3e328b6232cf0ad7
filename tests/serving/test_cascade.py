"""Deferral policies over live models; the birds and their prices are in `birds.py`: 1, 4 and 16 USD a word."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.data.token_signals import token_signals
from anabranch.routers.costing import Costing
from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.cascade import Cascade
from anabranch.training.replay.executor import replay, sample_order
from anabranch.upstreams import errors
from anabranch.upstreams.upstream import Capabilities, Request
from tests.serving.birds import BIRDS, USD_PER_TOKEN, Bird, Say, calls_of, chat, text_of
from tests.serving.gateways import ANSWER, Running, fake, on
from tests.serving.gateways import Answer as Answered

CHAIN = ThresholdChain((0, 1, 2), (-0.5, -0.5), "logprob_mean")
SURE, UNSURE = (-0.1,), (-2.0,)
Got = TypeVar("Got")


def cascade(policy: Deferral = CHAIN, **options: Any) -> Cascade:
    return Cascade(policy, BIRDS, logprobs=True, **options)


def birds(wren: Say, jay: Say, owl: Say) -> dict[str, Bird]:
    return {name: Bird(name, [say]) for name, say in zip(BIRDS, (wren, jay, owl), strict=True)}


def run(work: Coroutine[Any, Any, Got]) -> Got:
    return asyncio.run(asyncio.wait_for(work, 5))


# What a replay of the same answers does

ROWS, SAMPLES = 12, 4
TEXTS = tuple(f"question {row}" for row in range(ROWS))
RNG = np.random.default_rng(0)
WORDS = RNG.choice(["a", "b", "c"], (ROWS, 3, SAMPLES), p=[0.6, 0.3, 0.1])
LENGTHS = RNG.integers(1, 5, (ROWS, 3, SAMPLES))
LOGPROBS = RNG.uniform(-1.2, 0, (ROWS, 3, SAMPLES, 4))


def logprobs_at(cell: tuple[int, int, int]) -> list[float]:
    return [float(value) for value in LOGPROBS[cell][: LENGTHS[cell]]]


def key_of(text: str) -> str | None:
    """The first word; c is unreadable."""
    return None if text.startswith("c") else text[0]


def recorded() -> ReplayTable:
    shape = WORDS.shape
    signals = {name: np.zeros(shape) for name in ("logprob_mean", "logprob_min", "logprob_sum", "tokens")}
    for cell in np.ndindex(shape):
        found = token_signals(logprobs_at(cell))
        for name, values in signals.items():
            values[cell] = found[name]
    number = {"a": 0, "b": 1, "c": NO_KEY}
    return ReplayTable.from_arrays(
        BIRDS,
        np.ones(shape),
        cost_usd=LENGTHS * np.array(list(USD_PER_TOKEN.values()))[:, None],
        latency_s=np.full(shape, 0.5),
        key=[[[number[word] for word in model] for model in row] for row in WORDS],
        signals=signals,
        texts=TEXTS,
    )


def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Wren and owl only; how good depends on the number of the question."""
    rows = np.array([TEXTS.index(text) for text in texts])
    quality = np.stack([0.3 + 0.05 * rows, 0.95 - 0.02 * rows], axis=1).astype(np.float32)
    return Estimates(quality, np.full_like(quality, 2), np.zeros_like(quality))


ROUTER = Router(
    "two",
    ("wren", "owl"),
    estimate,
    Costing("completion_tokens", (0.0, 0.0), (1.0, 16.0), (0.25, 0.25)),
    ArgmaxUtility(0.01),
    0.9,
    "calibrated",
)
COVARIANCE = np.kron(np.array([[0.1, 0.05], [0.05, 0.2]]), np.eye(3)) + 0.02
BELIEF = GaussianBelief(
    ("logprob_mean",),
    (0.5,) * 3,
    (0.5,) * 3 + (-0.6,) * 3,
    tuple(map(tuple, np.vstack([np.eye(3), np.zeros((3, 3))]).tolist())),
    tuple(map(tuple, COVARIANCE.tolist())),
)
POLICIES: dict[str, Deferral] = {
    "automix": AutoMix((0, 2), (False, True), signal="none", always=("b", 1)),
    "best of infinity": BestOfInfinity((0, 1, 2), bayes_factor=20.0, checks=(1, 3, 4)),
    "budget": BudgetGuard(CHAIN, max_cost_usd=48.0),
    "cascade routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005),
    "chain": CHAIN,
    "consistency": Consistency((0, 2), samples=3, tau=0.6),
    "model switch": ModelSwitch((0, 1, 2), samples=2, weighted=True),
    "robon": RoBoN((0, 1, 2), calls=4, signal="logprob_mean"),
    "routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005, max_depth=1),
    "semantic agreement": SemanticAgreement((0, 1, 2)),
    "time sharing": TimeSharing(CHAIN, ThresholdChain((1, 2), (-0.3,), "logprob_min"), share=0.5),
}
FORESEEN = {"automix", "budget", "chain", "consistency", "routing", "semantic agreement", "time sharing"}


@dataclass(frozen=True)
class Watched:
    """A policy whose actions are written down.

    A sample's number is its place in the recording in a replay, and its turn live. It breaks the last of ties, between
    answers of one model that say and cost the same, so here it is its turn in both.
    """

    policy: Deferral
    actions: list[Action] = field(default_factory=list)

    @property
    def models(self) -> tuple[int, ...]:
        return self.policy.models

    def decide(self, state: State) -> Action:
        models = [one.model for one in state.candidates]
        turns = [models[:place].count(model) for place, model in enumerate(models)]
        said = tuple(replace(one, sample=turn) for one, turn in zip(state.candidates, turns, strict=True))
        self.actions.append(self.policy.decide(replace(state, candidates=said)))
        return self.actions[-1]


def flock(row: int, order: np.ndarray[Any, Any]) -> dict[str, Bird]:
    """Answers a prompt from the recording, in the order in which a replay takes them."""

    def script(model: int) -> Any:
        def say(request: Request, call: int) -> Say:
            cell = (row, model, int(order[row, model, call]))
            return Say(" ".join([str(WORDS[cell])] * int(LENGTHS[cell])), logprobs_at(cell))

        return say

    return {name: Bird(name, script(model)) for model, name in enumerate(BIRDS)}


@pytest.mark.parametrize("name", POLICIES)
def test_live_and_replayed_decisions_are_the_same(name: str) -> None:
    """The same actions in the same order, and so the same calls, costs and answers; streamed or not."""
    table, usual = recorded(), (2.0, 8.0, 32.0)
    order = sample_order(table, 0)
    estimates, usd = ROUTER.estimates(TEXTS, 0.9)
    quality, cost_usd = np.full((ROWS, 3), np.nan), np.tile(usual, (ROWS, 1))
    quality[:, [0, 2]], cost_usd[:, [0, 2]] = estimates.quality, usd
    streamed = 0
    for row, text in enumerate(TEXTS):
        offline, online = Watched(POLICIES[name]), Watched(POLICIES[name])
        done = replay(offline, table.take([row]), quality=quality[[row]], cost_usd=cost_usd[[row]])
        options: dict[str, Any] = {"router": ROUTER, "cost_usd": usual, "key_of": key_of}
        whole = calls_of(flock(row, order), chat(text))
        reply = run(cascade(online, **options).complete(whole))
        assert online.actions == offline.actions
        flying = flock(row, order)
        pieces = calls_of(flying, chat(text))
        shown = run(text_of(cascade(POLICIES[name], **options).stream(pieces)))
        streamed += sum(bird.streamed for bird in flying.values())
        assert shown == reply.text
        for record in (whole.record, pieces.record):
            assert record.model == BIRDS[done.model[0]]
            assert record.reason == done.reason[0]
            assert record.cost_usd == pytest.approx(done.cost_usd[0])
            made = [model for action in offline.actions if isinstance(action, Call) for model in action.models]
            assert [call.model for call in record.calls] == [BIRDS[model] for model in made]
    assert (streamed > 0) == (name in FORESEEN)


# What is shown, and when


def test_a_rejected_answer_is_never_shown_and_the_last_is_streamed() -> None:
    flying = birds(Say("no idea", UNSURE), Say("dunno", UNSURE), Say("it is four"))
    calls = calls_of(flying)

    async def use() -> list[str]:
        pieces = await cascade().stream(calls)
        assert (calls.record.model, calls.record.reason) == ("owl", "last")
        assert not flying["owl"].requests
        return [chunk.text async for chunk in pieces]

    assert run(use()) == ["it", " is", " four", ""]
    assert [bird.streamed for bird in flying.values()] == [0, 0, 1]
    assert flying["owl"].requests[0].top_logprobs is None
    assert calls.record.cost_usd == 2 * 1 + 1 * 4 + 3 * 16


def test_an_accepted_answer_is_sent_whole() -> None:
    """Its end comes in a piece of its own, with the usage."""
    calls = calls_of(birds(Say("it is four", SURE), Say("x"), Say("x")))

    async def use() -> list[Any]:
        return [chunk async for chunk in await cascade().stream(calls)]

    said, ended = run(use())
    assert (said.text, said.finish_reason) == ("it is four", None)
    assert (ended.text, ended.finish_reason, ended.usage.completion_tokens) == ("", "stop", 3)
    assert (calls.record.model, calls.record.reason) == ("wren", "sure")


def test_a_final_call_that_fails_before_its_first_piece_falls_back() -> None:
    flying = birds(Say("perhaps", UNSURE), Say("maybe", UNSURE), Say("x", breaks=errors.Overloaded("owl", "is busy")))
    calls = calls_of(flying)
    assert run(text_of(cascade().stream(calls))) == "maybe"
    assert (calls.record.model, calls.record.reason) == ("jay", "last")
    assert [call.error for call in calls.record.calls] == [None, None, "Overloaded"]
    assert calls.record.cost_usd == 1 + 4


def test_after_the_first_piece_a_failure_is_a_failure() -> None:
    broken = Say("it is four", breaks=errors.Unreachable("owl", "left"), at=1)
    shown: list[str] = []

    async def use() -> None:
        async for chunk in await cascade().stream(calls_of(birds(Say("a", UNSURE), Say("b", UNSURE), broken))):
            shown.append(chunk.text)

    with pytest.raises(errors.Unreachable):
        run(use())
    assert shown == ["it"]


def test_a_policy_that_says_final_and_means_it_not_is_not_believed() -> None:
    @dataclass(frozen=True)
    class Fickle:
        models: tuple[int, ...] = (0, 1)

        def decide(self, state: State) -> Action:
            return Call((len(state.candidates),)) if len(state.candidates) < 2 else Answer(0, "first after all")

        def is_final(self, state: State, call: Call) -> bool:
            return True

    flying = birds(Say("a"), Say("b"), Say("c"))
    assert run(text_of(cascade(Fickle()).stream(calls_of(flying)))) == "a"
    assert [bird.streamed for bird in flying.values()] == [0, 0, 0]


@pytest.mark.parametrize("asked", [None, 0])
def test_log_probabilities_are_for_those_who_ask(asked: int | None) -> None:
    flying = birds(Say("four", SURE), Say("x"), Say("x"))
    reply = run(cascade().complete(calls_of(flying, chat(top_logprobs=asked))))
    assert flying["wren"].requests[0].top_logprobs == 0
    assert bool(reply.logprobs) == (asked == 0)


def test_log_probabilities_are_not_asked_of_who_has_none_or_for_nothing() -> None:
    """An answer without a signal is not sure."""
    flying = birds(Say("a", SURE), Say("b", UNSURE), Say("c"))
    flying["wren"].capabilities = Capabilities(logprobs=False)
    assert run(cascade().complete(calls_of(flying))).text == "c"
    assert [bird.requests[0].top_logprobs for bird in flying.values()] == [None, 0, 0]
    plain = birds(Say("a", SURE), Say("b", SURE), Say("c"))
    assert run(Cascade(CHAIN, BIRDS).complete(calls_of(plain))).text == "c"
    assert [bird.requests[0].top_logprobs for bird in plain.values()] == [None] * 3


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
        return Say("a b" if count % 3 else "b", (-0.5 * (count % 3) - 0.1,), breaks=fault)

    strategy = cascade(POLICIES[name], router=ROUTER, cost_usd=(2.0, 8.0, 32.0), key_of=key_of)
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
        assert answer in ("a b", "b")


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
        strategy = cascade(policy, timeout_s=0.02, cost_usd=(2.0, 8.0, 32.0))
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
        run(cascade(policy, max_completion_tokens=10, key_of=key_of).complete(calls_of(flying, chat(max_tokens=asked))))
        assert [bird.requests[0].max_tokens for bird in flying.values()] == granted


def test_samples_of_a_model_differ_where_the_client_fixes_a_seed() -> None:
    flying = birds(Say("a"), Say("b"), Say("c"))
    run(cascade(Consistency((0, 2), samples=3), key_of=key_of).complete(calls_of(flying, chat(seed=7))))
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


# Over HTTP


def post(flying: dict[str, Bird], path: str = "/v1/chat/completions", **fields: Any) -> Answered:
    body = {"model": "cascade", "messages": [USER], **fields}

    async def use(gateway: Running) -> Answered:
        return await gateway.post(body, path)

    return on(use, flying, strategies={"cascade": cascade()})


def test_headers_say_who_answers_and_why() -> None:
    answer = post(birds(Say("a", UNSURE), Say("b c", SURE), Say("d")))
    assert answer.json["choices"][0]["message"]["content"] == "b c"
    assert "logprobs" not in answer.json["choices"][0]
    assert [answer.ours(name) for name in ("strategy", "model", "reason")] == ["cascade", "jay", "sure"]
    assert (answer.ours("resolved-model"), answer.json["model"], answer.ours("attempts")) == ("jay-1b", "jay-1b", "2")


@pytest.mark.parametrize(("jay", "words"), [(SURE, ["b c", ""]), (UNSURE, ["d", " e", ""])])
def test_a_stream_over_http(jay: tuple[float, ...], words: list[str]) -> None:
    flying = birds(Say("a", UNSURE), Say("b c", jay), Say("d e"))
    answer = post(flying, stream=True, stream_options={"include_usage": True})
    *pieces, usage, done = answer.events
    bodies = [orjson.loads(piece) for piece in pieces]
    assert done == "[DONE]"
    assert [body["choices"][0]["delta"].get("content", "") for body in bodies] == words
    assert [body["choices"][0]["finish_reason"] for body in bodies] == [None] * (len(words) - 1) + ["stop"]
    assert {body["object"] for body in bodies} == {"chat.completion.chunk"}
    assert {body["model"] for body in bodies} == {"jay-1b" if jay == SURE else "owl-1b"}
    assert bodies[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [call["model"] for call in orjson.loads(usage)["anabranch"]["calls"]] == list(BIRDS[: len(words)])
    assert answer.ours("model") == ("jay" if jay == SURE else "owl")


def test_when_all_fail_there_is_an_error_with_its_status() -> None:
    answer = post(birds(*(Say("x", breaks=errors.RateLimited("far", "answered 429")) for _ in BIRDS)), stream=True)
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")


def test_raw_text_takes_the_same_way() -> None:
    """A fake is always sure, so the first answers; both prompts by themselves."""
    body = {"model": "cascade", "prompt": ["one", "two"]}
    flying = {name: fake() for name in BIRDS}

    async def use(gateway: Running) -> tuple[Answered, Answered]:
        whole = await gateway.post(body, "/v1/completions")
        return whole, await gateway.post({**body, "stream": True}, "/v1/completions")

    whole, pieces = on(use, flying, strategies={"cascade": cascade()})
    said = [(choice["text"], choice["logprobs"]) for choice in whole.json["choices"]]
    assert said == [(ANSWER, None)] * 2 and whole.ours("model") == "wren"
    assert [orjson.loads(event)["choices"][0]["text"] for event in pieces.events[:-1]] == [ANSWER] * 2


# Settings


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"models \(0, 1, 2\); there are 2"):
        Cascade(CHAIN, ("wren", "jay"))
    with pytest.raises(ValueError, match="1 costs for 3 models"):
        cascade(cost_usd=(1.0,))
    with pytest.raises(ValueError, match="must be above 0, not 0"):
        cascade(max_completion_tokens=0)
