"""Over real sockets on loopback; waits between retries are recorded, not slept."""

import asyncio
import socket
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Delay, Fake
from anabranch.upstreams.fake_server import Drip, FakeServer, Fault, Hang, Raw, Reset, Status, Truncate, WrongUsage
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.upstream import Chunk, Request, Upstream, Usage

KEY = "sk-proj-0123456789abcdef"
PROMPT = "what ails my grandmother?"
ANSWER = "Zoë 🦫 says hello"
ASK = Request("tiny", ({"role": "user", "content": PROMPT},))
Got = TypeVar("Got")
Use = Callable[[OpenAICompatible, FakeServer], Coroutine[Any, Any, Got]]


class Sleeps(list[float]):
    """Waits asked for, none slept."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def served(use: Use[Got], faults: Sequence[Fault | None] = (), fake: Fake | None = None, **options: Any) -> Got:
    """What `use` makes of a client of a new server."""

    async def run() -> Got:
        async with FakeServer(fake or Fake({PROMPT: ANSWER}), faults) as server:
            client = OpenAICompatible("cheap", server.base_url, api_key=KEY, **{"sleep": Sleeps(), **options})
            try:
                return await use(client, server)
            finally:
                await client.close()

    return asyncio.run(run())


async def completed(client: OpenAICompatible, server: FakeServer) -> tuple[str, int]:
    return (await client.complete(ASK)).text, len(server.received)


async def chunks_of(client: OpenAICompatible, request: Request = ASK) -> list[Chunk]:
    return [chunk async for chunk in client.stream(request)]


async def streamed(client: OpenAICompatible, server: FakeServer) -> tuple[str, int]:
    return "".join(chunk.text for chunk in await chunks_of(client)), len(server.received)


BOTH = pytest.mark.parametrize("use", [completed, streamed])


def test_it_is_an_upstream() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> str:
        upstream: Upstream = client
        return upstream.name

    assert served(use) == "cheap"


def test_a_reply() -> None:
    """4 words asked, 4 answered."""

    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        reply = await client.complete(ASK)
        assert (reply.text, reply.model, reply.finish_reason, reply.attempts) == (ANSWER, "tiny", "stop", 1)
        assert reply.usage == Usage(4, 4)
        assert reply.body["object"] == "chat.completion"
        assert server.received[0].headers["Authorization"] == f"Bearer {KEY}"

    served(use)


def test_logprobs_and_extra_fields_pass_through() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        reply = await client.complete(Request("tiny", ASK.messages, top_logprobs=0, extra={"novel": {"x": [1]}}))
        assert [token.token for token in reply.logprobs] == ["Zoë", " 🦫", " says", " hello"]
        assert server.received[0].body["novel"] == {"x": [1]}

    served(use)


@pytest.mark.parametrize("faults", [[], [Drip()]])
def test_a_stream_even_byte_by_byte(faults: list[Fault]) -> None:
    """Dripping cuts the characters of two and four bytes apart."""

    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        chunks = await chunks_of(client)
        assert [chunk.text for chunk in chunks] == ["Zoë", " 🦫", " says", " hello", ""]
        assert (chunks[-1].finish_reason, chunks[-1].usage) == ("stop", Usage(4, 4))
        assert server.received[0].body["stream_options"] == {"include_usage": True}

    served(use, faults)


REFUSALS: list[tuple[Fault, type[errors.UpstreamError], bool]] = [
    (Status(400), errors.BadRequest, False),
    (Status(401), errors.Unauthorised, False),
    (Status(404), errors.UnknownModel, False),
    (Status(400, code="context_length_exceeded"), errors.ContextTooLong, False),
    (Status(429), errors.RateLimited, True),
    (Status(500), errors.Overloaded, True),
    (Status(503), errors.Overloaded, True),
    (Status(302, headers={"Location": "http://127.0.0.1:9/"}), errors.BadReply, True),
    (Reset(), errors.Unreachable, True),
    (Raw(b"<html>"), errors.BadReply, True),
    (Raw(b"[]"), errors.BadReply, True),
    (Raw(b""), errors.BadReply, True),
    (Truncate(0), errors.BadReply, True),
    (Truncate(0, cleanly=True), errors.BadReply, True),
    (Raw(b'{"error": {"message": "slow down", "code": 429}}'), errors.RateLimited, True),
]


@pytest.mark.parametrize(("fault", "kind", "retried"), REFUSALS)
def test_every_failure_has_its_error_and_is_retried_if_it_may_pass(
    fault: Fault, kind: type[errors.UpstreamError], retried: bool
) -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.UpstreamError) as caught:
            await client.complete(ASK)
        assert type(caught.value) is kind
        assert len(server.received) == (3 if retried else 1)

    served(use, [fault] * 3, attempts=3)


STREAM_FAILURES: list[tuple[Fault, type[errors.UpstreamError]]] = [
    (Status(429), errors.RateLimited),
    (Reset(), errors.Unreachable),
    (Truncate(0), errors.BadReply),
    (Truncate(0, cleanly=True), errors.BadReply),
    (Raw(b"data: {garbage\n\n"), errors.BadReply),
    (Raw(b'data: {"error": {"message": "slow down", "type": "rate_limit_error"}}\n\n'), errors.RateLimited),
    (Raw(b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'), errors.BadReply),
]
EMPTY_STREAM = Raw(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
EMPTY_REPLY = Raw(
    b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 5, "completion_tokens": 1}}'
)


@pytest.mark.parametrize(("fault", "kind"), STREAM_FAILURES)
def test_a_stream_is_retried_until_it_begins(fault: Fault, kind: type[errors.UpstreamError]) -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(kind):
            await chunks_of(client)
        assert len(server.received) == 2
        assert (await streamed(client, server))[0] == ANSWER

    served(use, [fault] * 2, attempts=2)


def test_an_empty_answer_is_not_paid_for_twice() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.EmptyAnswer) as whole:
            await client.complete(ASK)
        assert whole.value.usage == Usage(5, 1)
        with pytest.raises(errors.EmptyAnswer):
            await chunks_of(client)
        assert len(server.received) == 2

    served(use, [EMPTY_REPLY, EMPTY_STREAM], attempts=3)


def test_an_empty_answer_is_one_through_another_server_of_ours() -> None:
    async def main() -> None:
        async with FakeServer(Fake(lambda request: "")) as server:
            client = OpenAICompatible("relay", server.base_url, attempts=3)
            with pytest.raises(errors.EmptyAnswer):
                await client.complete(ASK)
            await client.close()
        assert len(server.received) == 1

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Truncate(2), Truncate(2, cleanly=True), Truncate(4, cleanly=True)])
def test_a_stream_that_has_begun_is_not_retried(fault: Fault) -> None:
    """4 words come before the piece with the finish reason."""

    async def use(client: OpenAICompatible, server: FakeServer) -> list[str]:
        said: list[str] = []
        with pytest.raises(errors.BadReply):
            async for chunk in client.stream(ASK):
                said.append(chunk.text)
        assert len(server.received) == 1
        return said

    assert isinstance(fault, Truncate)
    assert served(use, [fault]) == ["Zoë", " 🦫", " says", " hello"][: fault.events]


def test_an_error_in_mid_stream() -> None:
    first = b'data: {"choices": [{"delta": {"content": "4"}}]}\n\n'

    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.Overloaded, match="saying: too hot;"):
            await chunks_of(client)
        assert len(server.received) == 1

    served(use, [Raw(first + b'data: {"error": {"message": "too hot", "code": 503}}\n\n')])


def test_a_stream_may_end_without_done() -> None:
    raw = b'data: {"choices": [{"delta": {"content": "4"}, "finish_reason": "stop"}]}\n\n'
    assert served(streamed, [Raw(raw)]) == ("4", 1)


@BOTH
def test_a_storm_of_429_passes_and_retry_after_is_honoured(use: Use[tuple[str, int]]) -> None:
    """Retry-After is the floor of each wait; jitter adds at most 0.5 s, 1 s and 2 s; a date counts from Date."""
    date = {"Retry-After": "Wed, 01 May 2024 12:00:20 GMT", "Date": "Wed, 01 May 2024 12:00:00 GMT"}
    storm = [Status(429, headers={"Retry-After": "7"}), Status(429, headers=date), Status(503)]
    sleeps = Sleeps()
    assert served(use, storm, sleep=sleeps) == (ANSWER, 4)
    assert 7.0 <= sleeps[0] <= 7.5
    assert 20.0 <= sleeps[1] <= 21.0
    assert 0.0 <= sleeps[2] <= 2.0
    assert len(sleeps) == 3


def test_attempts_are_told() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> int:
        return (await client.complete(ASK)).attempts

    assert served(use, [Status(500), Status(500)]) == 3


def test_the_error_says_how_long_to_wait() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.RateLimited) as caught:
            await client.complete(ASK)
        assert (caught.value.upstream, caught.value.status, caught.value.retry_after_s) == ("cheap", 429, 7.0)

    served(use, [Status(429, headers={"Retry-After": "7"})], attempts=1)


@BOTH
def test_a_hanging_upstream_times_out(use: Use[tuple[str, int]]) -> None:
    with pytest.raises(errors.TimedOut):
        served(use, [Hang()], read_timeout_s=0.03, attempts=1)


def test_a_stream_that_stalls_times_out() -> None:
    with pytest.raises(errors.TimedOut):
        served(streamed, [Hang(events=1)], read_timeout_s=0.03, attempts=1)


@BOTH
def test_a_slow_drip_is_bounded_in_all(use: Use[tuple[str, int]]) -> None:
    """A byte every 5 ms never exceeds 30 s between bytes; more than 100 bytes do not fit into 50 ms."""
    with pytest.raises(errors.TimedOut):
        served(use, [Drip(gap_s=0.005)], read_timeout_s=30.0, total_timeout_s=0.05)


def test_a_dead_upstream() -> None:
    """A port that was free a moment ago refuses."""

    async def use() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        sleeps = Sleeps()
        client = OpenAICompatible("dead", f"http://127.0.0.1:{port}/v1", sleep=sleeps, attempts=3)
        with pytest.raises(errors.Unreachable, match=rf"upstream 'dead' \(127.0.0.1:{port}\) cannot be reached; check"):
            await client.complete(ASK)
        await client.close()
        assert len(sleeps) == 2

    asyncio.run(use())


@BOTH
@pytest.mark.parametrize("wrong", [{"completion_tokens": -4}, {"total_tokens": 1}])
def test_wrong_usage_is_an_error_and_not_paid_twice(use: Use[tuple[str, int]], wrong: dict[str, int]) -> None:
    async def refused(client: OpenAICompatible, server: FakeServer) -> int:
        with pytest.raises(errors.BadUsage):
            await use(client, server)
        return len(server.received)

    assert served(refused, [WrongUsage({"prompt_tokens": 4, "completion_tokens": 4, **wrong})]) == 1


def test_no_usage_is_none() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> Usage | None:
        return (await client.complete(ASK)).usage

    raw = b'{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}'
    assert served(use, [Raw(raw)]) is None


def test_an_unknown_model() -> None:
    with pytest.raises(errors.UnknownModel, match="answered 404 to model 'tiny'"):
        served(completed, fake=Fake({PROMPT: ANSWER}, models={"huge"}))


LEAKS = [
    Status(401, f"Incorrect API key provided: {KEY}"),
    Status(400, f"bad header Bearer {KEY} near {PROMPT}"),
    Status(500, f"failed on {PROMPT}"),
    Raw(f'{{"error": "{PROMPT} {KEY}"}}'.encode()),
    Raw(f"{PROMPT} {KEY}".encode()),
    Reset(),
    Truncate(0),
    Hang(),
]


@BOTH
@pytest.mark.parametrize("fault", LEAKS)
def test_neither_key_nor_prompt_is_in_an_error(use: Use[tuple[str, int]], fault: Fault) -> None:
    async def refused(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.UpstreamError) as caught:
            await use(client, server)
        error = caught.value
        told = [repr(client), repr(error), "".join(traceback.format_exception(error)), repr(error.__context__)]
        for secret in (KEY, KEY[-8:], "grandmother"):
            assert not any(secret in text for text in told)
        assert error.__context__ is None

    served(refused, [fault], attempts=1, read_timeout_s=0.03)


@BOTH
def test_no_more_calls_at_once_than_allowed(use: Use[tuple[str, int]]) -> None:
    """Every answer is held back: of 9 calls, 3 reach the server and no fourth, however long one waits."""

    async def many(client: OpenAICompatible, server: FakeServer) -> None:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(use(client, server)) for _ in range(9)]
            while server.active < 3:
                await asyncio.sleep(0)
            await asyncio.sleep(0.03)
            assert server.active == 3
            released.set()
        assert [call.result()[0] for call in calls] == [ANSWER] * 9
        assert (len(server.received), server.most_active) == (9, 3)

    released = asyncio.Event()

    async def hold(seconds: float) -> None:
        await released.wait()

    served(many, fake=Fake({PROMPT: ANSWER}, faults=[Delay(1.0)] * 9, sleep=hold), concurrency=3)


def test_requests_are_paced() -> None:
    """One a minute: the first goes out, the second waits."""

    async def use(client: OpenAICompatible, server: FakeServer) -> int:
        await client.complete(ASK)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.complete(ASK), 0.03)
        return len(server.received)

    assert served(use, requests_per_minute=1.0) == 1


def test_closing_a_stream_closes_its_connection_and_frees_its_slot() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> str:
        async with aclosing(client.stream(ASK)) as chunks:
            assert (await anext(chunks)).text == "Zoë"
        await asyncio.wait_for(server.left.wait(), 5)
        return (await client.complete(ASK)).text

    assert served(use, [Hang(events=1)], concurrency=1) == ANSWER


def test_cancelling_a_call_closes_its_connection() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> str:
        call = asyncio.create_task(client.complete(ASK))
        while not server.active:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.left.wait(), 5)
        return (await client.complete(ASK)).text

    assert served(use, [Hang()], concurrency=1) == ANSWER


def test_closing_the_client_ends_what_is_in_flight_and_all_that_follows() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        stream = client.stream(ASK)
        await anext(stream)
        await client.close()
        with pytest.raises(errors.Closed):
            await anext(stream)
        with pytest.raises(errors.Closed):
            await client.complete(ASK)
        assert len(server.received) == 1

    served(use, [Hang(events=1)])


def test_a_large_prompt_is_sent_whole() -> None:
    long = "x" * 3_000_000

    async def use(client: OpenAICompatible, server: FakeServer) -> int:
        await client.complete(Request("tiny", ({"role": "user", "content": long},)))
        return len(server.received[0].body["messages"][0]["content"])

    assert served(use, fake=Fake(lambda _: "ok")) == 3_000_000


def test_what_is_not_json_is_not_sent() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> int:
        with pytest.raises(errors.BadRequest, match="is not JSON") as caught:
            await client.complete(Request("tiny", ASK.messages, extra={"x": object()}))
        assert caught.value.__context__ is None
        return len(server.received)

    assert served(use) == 0
