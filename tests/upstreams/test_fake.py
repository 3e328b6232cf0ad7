import asyncio

import pytest

from anabranch.upstreams.errors import BadReply, BadRequest, Closed, RateLimited, UnknownModel
from anabranch.upstreams.fake import Delay, Fake, Truncated
from anabranch.upstreams.text_completion import TextChunk, TextRequest, TextUpstream
from anabranch.upstreams.upstream import Chunk, Request, TokenLogprob, Upstream, Usage

ASK = Request("tiny", ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}))
ANSWERS = {"2 + 2?": "It is 4"}


async def chunks_of(upstream: Fake, request: Request = ASK) -> list[Chunk]:
    return [chunk async for chunk in upstream.stream(request)]


def test_it_is_an_upstream() -> None:
    upstream: Upstream = Fake(ANSWERS)
    assert asyncio.run(upstream.complete(ASK)).text == "It is 4"


def test_usage_counts_words() -> None:
    """'Be brief.' is 2 words, '2 + 2?' 3; the answer 3."""
    assert asyncio.run(Fake(ANSWERS).complete(ASK)).usage == Usage(5, 3)


def test_a_stream_says_the_same() -> None:
    expected = [Chunk("It"), Chunk(" is"), Chunk(" 4"), Chunk("", "stop", Usage(5, 3))]
    assert asyncio.run(chunks_of(Fake(ANSWERS))) == expected


def test_a_function_sees_the_request_and_requests_are_recorded() -> None:
    fake = Fake(lambda request: f"I am {request.model}")
    assert asyncio.run(fake.complete(ASK)).text == "I am tiny"
    assert fake.requests == [ASK]


def test_max_tokens_and_stop() -> None:
    fake = Fake(ANSWERS)
    short = asyncio.run(fake.complete(Request("tiny", ASK.messages, max_tokens=2)))
    stopped = asyncio.run(fake.complete(Request("tiny", ASK.messages, stop=("is",), top_logprobs=0)))
    assert (short.text, short.finish_reason) == ("It is", "length")
    assert (stopped.text, stopped.finish_reason) == ("It ", "stop")
    assert stopped.logprobs == (TokenLogprob("It", 0.0), TokenLogprob(" ", 0.0))


def test_faults_come_in_their_order_and_end() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    fake = Fake(ANSWERS, faults=[RateLimited("fake", "said no"), Truncated(), Delay(3.0)], sleep=sleep)
    with pytest.raises(RateLimited):
        asyncio.run(fake.complete(ASK))
    with pytest.raises(BadReply):
        asyncio.run(fake.complete(ASK))
    assert asyncio.run(fake.complete(ASK)).latency_s == 3.0
    assert asyncio.run(fake.complete(ASK)).latency_s == 0.0
    assert slept == [3.0]


def test_a_truncated_stream_says_some_of_it() -> None:
    said: list[str] = []

    async def listen() -> None:
        async for chunk in Fake(ANSWERS, faults=[Truncated(2)]).stream(ASK):
            said.append(chunk.text)

    with pytest.raises(BadReply):
        asyncio.run(listen())
    assert said == ["It", " is"]


def test_what_it_does_not_know() -> None:
    with pytest.raises(UnknownModel, match="has no model 'tiny'"):
        asyncio.run(Fake(ANSWERS, models={"huge"}).complete(ASK))
    with pytest.raises(BadRequest, match="only to 1 others") as caught:
        asyncio.run(Fake({"x": "y"}).complete(ASK))
    assert "2 + 2" not in str(caught.value)
    with pytest.raises(BadReply, match="empty"):
        asyncio.run(Fake({"2 + 2?": ""}).complete(ASK))


def test_closed() -> None:
    async def use_after_closing() -> None:
        fake = Fake(ANSWERS)
        await fake.close()
        await fake.complete(ASK)

    with pytest.raises(Closed):
        asyncio.run(use_after_closing())


TEXT = TextRequest("tiny", "2 + 2?", top_logprobs=1, echo=True)


def test_raw_text_is_answered_after_its_echo() -> None:
    """3 words of prompt, the first of which nothing predicts, and 3 of the answer."""
    fake = Fake(ANSWERS)
    upstream: TextUpstream = fake
    assert isinstance(fake, TextUpstream)
    reply = asyncio.run(upstream.complete_text(TEXT))
    assert reply.text == "2 + 2?It is 4"
    assert [token.text for token in reply.tokens] == ["2", " +", " 2?", "It", " is", " 4"]
    assert [token.logprob for token in reply.tokens] == [None, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert reply.tokens[1].top == ((" +", 0.0),)
    assert reply.usage == Usage(3, 3)


def test_raw_text_streams() -> None:
    async def chunks() -> list[TextChunk]:
        return [chunk async for chunk in Fake(ANSWERS).stream_text(TextRequest("tiny", "2 + 2?"))]

    assert asyncio.run(chunks()) == [
        TextChunk("It"),
        TextChunk(" is"),
        TextChunk(" 4"),
        TextChunk("", "stop", Usage(3, 3)),
    ]


def test_a_prompt_may_be_scored_alone() -> None:
    reply = asyncio.run(Fake(ANSWERS).complete_text(TextRequest("tiny", "2 + 2?", max_tokens=0, echo=True)))
    assert (reply.text, reply.finish_reason, reply.tokens) == ("2 + 2?", "length", ())


def test_the_ids_of_a_prompt_are_its_words() -> None:
    assert asyncio.run(Fake({"5 7": "12"}).complete_text(TextRequest("tiny", (5, 7)))).text == "12"


def test_raw_text_meets_faults_too() -> None:
    with pytest.raises(BadReply):
        asyncio.run(Fake(ANSWERS, faults=[Truncated(1)]).complete_text(TEXT))
