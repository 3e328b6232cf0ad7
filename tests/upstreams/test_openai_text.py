"""Raw text over real sockets on loopback: what is sent, what is read, and what goes wrong."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.fake_server import FakeServer, Fault, Hang, Raw, Reset, Status
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.text_completion import CompletesText, TextReply, TextRequest, TextToken, TextUpstream
from anabranch.upstreams.upstream import Usage

KEY = "sk-proj-0123456789abcdef"
PROMPT = "what ails my grandmother?"
ASK = TextRequest("tiny", PROMPT, 5, echo=True, top_logprobs=1)
Got = TypeVar("Got")
Use = Callable[[OpenAICompatible, FakeServer], Coroutine[Any, Any, Got]]


async def unslept(seconds: float) -> None:
    return None


def served(use: Use[Got], faults: Sequence[Fault | None] = (), **options: Any) -> Got:
    """What `use` makes of a client of a new server."""

    async def run() -> Got:
        async with FakeServer(Fake(lambda request: "hay fever"), faults) as server:
            client = OpenAICompatible("cheap", server.base_url, api_key=KEY, **{"sleep": unslept, **options})
            try:
                return await use(client, server)
            finally:
                await client.close()

    return asyncio.run(run())


async def completed(client: OpenAICompatible, server: FakeServer) -> TextReply:
    return await client.complete_text(ASK)


def test_it_completes_text_but_does_not_stream_it() -> None:
    client = OpenAICompatible("cheap", "http://127.0.0.1:9/v1")
    assert isinstance(client, CompletesText) and not isinstance(client, TextUpstream)


def test_a_continuation() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        reply = await client.complete_text(ASK)
        assert (reply.text, reply.model, reply.finish_reason, reply.attempts) == (
            PROMPT + "hay fever",
            "tiny",
            "stop",
            1,
        )
        assert reply.usage == Usage(4, 2)
        assert reply.tokens[0] == TextToken("what", None)
        assert reply.tokens[-1] == TextToken(" fever", 0.0, ((" fever", 0.0),))
        assert server.received[0].body["prompt"] == PROMPT
        assert server.received[0].headers["Authorization"] == f"Bearer {KEY}"

    served(use)


def test_what_may_pass_is_asked_again() -> None:
    assert served(completed, [Status(503), Reset()]).attempts == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(400, "no such token"), errors.BadRequest),
        (Status(401, f"wrong key {KEY}"), errors.Unauthorised),
        (Status(404), errors.UnknownModel),
        (Status(429), errors.RateLimited),
        (Status(500, f"{KEY} of {PROMPT}"), errors.Overloaded),
        (Raw(b"{"), errors.BadReply),
        (Raw(b'{"choices": [{"text": 3}]}'), errors.BadReply),
        (Raw(b'{"choices": [{"text": "", "logprobs": {"tokens": [""], "token_logprobs": [0], "top_logprobs": '
             b'[{"a": null}]}}]}'), errors.BadReply),
        (Reset(), errors.Unreachable),
        (Hang(), errors.TimedOut),
    ],
)  # fmt: skip
def test_what_goes_wrong_has_a_type_and_shows_neither_key_nor_prompt(
    fault: Fault, kind: type[errors.UpstreamError], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(kind) as caught:
        served(completed, [fault], attempts=1, read_timeout_s=0.2)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert PROMPT not in str(caught.value) + caplog.text


def test_a_message_that_repeats_the_ids_of_a_prompt_is_left_out() -> None:
    async def use(client: OpenAICompatible, server: FakeServer) -> None:
        with pytest.raises(errors.BadRequest) as caught:
            await client.complete_text(TextRequest("tiny", (1234, 5678, 9012)))
        assert "1234" not in str(caught.value)
        with pytest.raises(errors.BadRequest, match="no such token"):
            await client.complete_text(TextRequest("tiny", (1234, 5678, 9012)))

    served(use, [Status(400, "cannot read [1234, 5678, 9012]"), Status(400, "no such token")])
