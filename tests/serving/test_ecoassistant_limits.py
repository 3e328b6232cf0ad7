"""EcoAssistant where calls fail, limits are reached or a request is not for it, and behind a gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from anabranch.serving.refused import Refused
from anabranch.upstreams import errors
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Capabilities, Request
from tests.serving.assistants import BAD, DONE, GOOD, NO, YES, code, eco, flock, models
from tests.serving.birds import Bird, Say, calls_of, chat, text_of
from tests.serving.cascades import run
from tests.serving.gateways import on
from tests.serving.test_cascade import CALL, RESULT, USER


def test_nobody_solves_it() -> None:
    birds = flock([NO], wren=[GOOD, Say(DONE)], jay=[BAD, Say(DONE)])
    calls = calls_of(birds)
    with pytest.raises(Refused, match=r"\(wren: judged_wrong, jay: execution_failed\)") as caught:
        run(eco().complete(calls))
    assert (caught.value.status, caught.value.code) == (422, "unsolved")
    assert (calls.record.model, models(calls)) == ("", ["wren", "wren", "owl", "jay", "jay"])
    with pytest.raises(Refused):
        run(text_of(eco().stream(calls_of(birds))))


def test_an_assistant_that_fails_gives_way() -> None:
    birds = flock(wren=[GOOD, Say("x", breaks=errors.Overloaded("far", "answered 503"))], jay=[Say(DONE)])
    calls = calls_of(birds)
    assert run(eco().complete(calls)).text == "It is 4."
    assert [call.error for call in calls.record.calls] == [None, "Overloaded", None, None]


def test_if_all_fail_it_is_the_last_failure() -> None:
    fails = {name: [Say("x", breaks=kind("far", "failed"))] for name, kind in FAILS.items()}
    with pytest.raises(errors.Overloaded):
        run(eco().complete(calls_of(flock(**fails))))
    fails["wren"] = [Say("")]
    with pytest.raises(Refused, match=r"wren: unfinished, jay: Overloaded"):
        run(eco().complete(calls_of(flock(**fails))))


FAILS = {"wren": errors.TimedOut, "jay": errors.Overloaded}


def test_without_a_judge_no_answer_is_vouched_for() -> None:
    birds = flock([Say("", breaks=errors.RateLimited("far", "answered 429"))], wren=[Say(DONE)])
    with pytest.raises(errors.RateLimited):
        run(eco().complete(calls_of(birds)))
    assert not birds["jay"].requests


def test_too_slow_has_failed() -> None:
    birds = flock(wren=[Say("a b", hang=1)], jay=[Say(DONE)])
    calls = calls_of(birds)
    assert run(eco(timeout_s=0.05).complete(calls)).text == "It is 4."
    assert (calls.record.calls[0].error, calls.record.cost_usd) == ("TimedOut", None)


def test_tokens_are_those_of_all_calls() -> None:
    """Of 20 the wren's 3 words leave 17 for the judge, whose 1 leaves 16 for the jay; of 4 none are left for it."""
    for most, granted in ((20, [20, 17, 16]), (4, [4, 1])):
        birds = flock([NO, YES], wren=[Say("a b TERMINATE")], jay=[Say("c TERMINATE")])
        work = eco(max_completion_tokens=most).complete(calls_of(birds))
        if most == 20:
            assert run(work).text == "c"
        else:
            with pytest.raises(Refused, match="max_completion_tokens = 4 were used up") as caught:
                run(work)
            assert caught.value.code == "over_tokens"
        asked = [birds[name].requests for name in ("wren", "owl", "jay")]
        assert [requests[0].max_tokens for requests in asked if requests] == granted


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("e", (USER, CALL, RESULT)), "tool_use"),
        (chat(extra={"tools": [{"type": "function"}]}), "no_loop"),
        (chat(extra={"n": 2}), "no_loop"),
        (chat(extra={"response_format": {"type": "json_object"}}), "no_loop"),
        (Request("e", ({"role": "user", "content": [{"type": "image_url"}]},)), "no_loop"),
        (Request("e", (USER, {"role": "assistant", "content": "It is"})), "no_loop"),
    ],
)
def test_some_requests_get_the_last_assistant_alone(request_: Request, reason: str, streamed: bool) -> None:
    birds = flock(jay=[GOOD])
    calls = calls_of(birds, request_)
    text = run(text_of(eco().stream(calls))) if streamed else run(eco().complete(calls)).text
    assert text == GOOD.text
    assert (models(calls), calls.record.reason, calls.record.model) == (["jay"], reason, "jay")
    assert birds["jay"].requests[0].messages == request_.messages


def test_earlier_turns_and_parts_stay_as_they_are() -> None:
    parts = [{"type": "text", "text": "and 2 + 2?"}]
    system = {"role": "system", "content": "Be brief."}
    turns = (system, {"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"})
    birds = flock(wren=[Say(DONE)])
    run(eco().complete(calls_of(birds, Request("e", (*turns, {"role": "user", "content": parts}), max_tokens=7))))
    (asked,) = birds["wren"].requests
    assert asked.messages[:3] == turns and asked.messages[3]["content"][1:] == parts and asked.max_tokens == 7
    assert birds["owl"].requests[0].max_tokens is None


def test_who_cannot_serve_it_is_passed_over() -> None:
    seed = chat(extra={"tools": [{"type": "function"}]})
    birds = flock(wren=[Say("a")], jay=[Say("b")])
    birds["jay"].capabilities = Capabilities(tools=False)
    assert run(eco().complete(calls_of(birds, seed))).text == "a"
    birds["wren"].capabilities = Capabilities(tools=False)
    with pytest.raises(Refused, match="no assistant can serve this: model 'wren' calls no functions"):
        run(eco().complete(calls_of(birds, seed)))


def test_raw_text_is_refused() -> None:
    calls: Any = calls_of(flock())
    calls.request = TextRequest("e", "2 + 2 =")
    with pytest.raises(Refused, match="assistants answer chats only"):
        run(eco().complete(calls))


def test_who_leaves_ends_call_and_code(tmp_path: Path) -> None:
    begun, late = tmp_path / "begun", tmp_path / "late"
    sleeping = code(f"import time\nopen({str(begun)!r}, 'w')\ntime.sleep(0.4)\nopen({str(late)!r}, 'w')")

    async def left(birds: Mapping[str, Bird], there: Callable[[], bool]) -> None:
        work: Awaitable[Any] = eco().complete(calls_of(birds))
        task = asyncio.ensure_future(work)
        while not there():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.sleep(0.5)

    hanging = flock(wren=[Say("a", hang=0)])
    run(left(hanging, hanging["wren"].running.is_set))
    assert hanging["wren"].cancelled == 1
    run(left(flock(wren=[sleeping]), begun.exists))
    assert not late.exists()


@pytest.mark.parametrize("streamed", [False, True])
def test_a_gateway_serves_it_by_its_name(streamed: bool) -> None:
    body = {"model": "eco", "messages": [{"role": "user", "content": "what is 2 + 2?"}], "stream": streamed}
    birds = flock(wren=[GOOD, Say(DONE)])
    answer = on(lambda gateway: gateway.post(body), birds, strategies={"eco": eco()})
    assert answer.status == 200 and answer.ours("strategy") == "ecoassistant" and answer.ours("model") == "wren"
    assert "It is 4." in answer.raw.decode() and "TERMINATE" not in answer.raw.decode()
    if not streamed:
        assert answer.json["choices"][0]["message"]["content"] == "It is 4."
        assert answer.ours("attempts") == "3"


@pytest.mark.parametrize(
    "options",
    [
        {"assistants": ()},
        {"assistants": ("wren", "wren")},
        {"word": ""},
        {"word": "two words"},
        {"most_replies": -1},
        {"timeout_s": 0},
        {"max_completion_tokens": 0},
    ],
)
def test_settings_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name at least one|must be"):
        eco(**options)
