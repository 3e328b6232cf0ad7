"""What a client sees of a cascade, and when."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pytest

from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.signal_maps import Sigmoid
from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.upstreams import errors
from anabranch.upstreams.upstream import Capabilities
from tests.serving.birds import BIRDS, Bird, Say, calls_of, chat, text_of
from tests.serving.cascades import SURE, UNSURE, birds, cascade, run
from tests.serving.gateways import ANSWER, Running, fake, on
from tests.serving.gateways import Answer as Answered

WORDY = Scorer("scorer", "f", lambda answers: np.array([len(one.answer) for one in answers], np.float32))


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


def test_log_probabilities_are_not_asked_of_who_has_none() -> None:
    """An answer without a signal is not sure."""
    flying = birds(Say("a", SURE), Say("b", UNSURE), Say("c"))
    flying["wren"].capabilities = Capabilities(logprobs=False)
    assert run(cascade().complete(calls_of(flying))).text == "c"
    assert [bird.requests[0].top_logprobs for bird in flying.values()] == [None, 0, 0]


@pytest.mark.parametrize(
    ("signal", "signals", "asked"),
    [
        ("scorer", (WORDY,), None),
        ("chance", (WORDY, Chance("chance", "scorer", (Sigmoid(1.0, 0.0),) * 3)), None),
        ("chance", (WORDY, Chance("chance", "logprob_min", (Sigmoid(1.0, 0.0),) * 3)), 0),
        ("logprob_q10", (WORDY,), 0),
    ],
)
def test_log_probabilities_are_asked_for_if_a_signal_comes_from_them(
    signal: str, signals: tuple[Signal, ...], asked: int | None
) -> None:
    flying = birds(Say("a", SURE), Say("b", SURE), Say("c"))
    run(cascade(ThresholdChain((0, 1, 2), (9.0, 9.0), signal), signals=signals).complete(calls_of(flying)))
    assert [bird.requests[0].top_logprobs for bird in flying.values()] == [asked] * 3


# Over HTTP


def post(flying: dict[str, Bird], path: str = "/v1/chat/completions", **fields: Any) -> Answered:
    body = {"model": "cascade", "messages": [{"role": "user", "content": "what is it?"}], **fields}

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
