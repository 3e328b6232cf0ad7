"""A model behind a server says what it says in this process, as far as the server tells."""

import asyncio
import math
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from anabranch.upstreams import errors
from anabranch.upstreams.blocking import Blocking
from anabranch.upstreams.fake_server import FakeServer, Fault, Hang, Reset, Status
from anabranch.upstreams.local.errors import NotSaid
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows, load_server
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.server_token_model import ServerTokenModel
from anabranch.upstreams.local.token_model import TokenModel, Work
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.server_member import ServerMember
from anabranch.upstreams.text_completion import TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Capabilities
from tests.serving.gateways import running
from tests.upstreams.local import tiny
from tests.upstreams.local.scripted import Scripted, reply

POCKET = Path(__file__).parents[3] / "upstreams" / "pocket" / "weights"
NAMES = ["pocket-heron", "pocket-owl", "pocket-robin", "pocket-wren"]
PROMPT = [1, 20, 30, 40, 2]
STRINGS = ["they", "'ll", " say", " it", "s", " 12", "3", ", ", "\n", " é", "€", " the sum of "]
KEY = "sk-proj-0123456789abcdef"
A, B, END = 65, 66, 256  # ids of a and b in a tokenizer of bytes, whose letters are sorted: "!" is 0


def law(*ids: int) -> tuple[tuple[str, float], ...]:
    """Alternatives of which the first has 1/2, the next 1/4, and so on."""
    return tuple((f"token_id:{token}", -math.log(2) * (place + 1)) for place, token in enumerate(ids))


def echoed(request: TextRequest, name: str = "token_id:{}") -> TextReply:
    """Its prompt, of which each id but the first has as log-probability its own number below 0."""
    ids = request.prompt
    assert not isinstance(ids, str)
    return reply(*(TextToken(name.format(token), -float(token) if at else None) for at, token in enumerate(ids)))


def obliging(request: TextRequest) -> TextReply:
    """Says of all texts that a follows, or b."""
    return echoed(request) if request.echo else reply(TextToken(f"token_id:{A}", -math.log(2), law(A, B)))


def over(upstream: Scripted, **settings: object) -> ServerTokenModel:
    tokenizer = tiny.byte_tokenizer()
    vocabulary = token_bytes(tokenizer, tiny.VOCABULARY, frozenset({END}))
    return ServerTokenModel(Blocking(upstream), "tiny", tokenizer, vocabulary, **{"top": 2, **settings})  # type: ignore[arg-type]


@pytest.fixture
def far() -> Scripted:
    return Scripted(obliging)


def test_it_is_a_token_model(far: Scripted) -> None:
    model: TokenModel = over(far)
    assert model.work == Work() and model.window is None and far.requests == []


def test_each_row_is_one_request_and_prompts_only_grow(far: Scripted) -> None:
    """3 ids in two requests, then 2 more in one; nothing is asked twice, and what was asked before is remembered."""
    model = over(far)
    one, other = model.open([[1, 2], [3]])
    model.next([one, other, one])
    assert [request.prompt for request in far.requests] == [(1, 2), (3,)]
    assert {(each.max_tokens, each.temperature, each.top_logprobs, each.echo) for each in far.requests} == {
        (1, 0.0, 2, False)
    }
    assert far.requests[0].extra == {"return_tokens_as_token_ids": True, "ignore_eos": True}
    assert model.work == Work(2, 3)
    model.write(one, b"ab")
    model.next([one, other])
    assert [request.prompt for request in far.requests[2:]] == [(1, 2, *model.ids(one))]
    assert model.work == Work(3, 5)
    model.write(one, b"")
    model.next([one])
    model.next([model.fork(one)])
    assert model.work == Work(3, 5)


def test_what_is_not_named_shares_the_rest(far: Scripted) -> None:
    """a has 1/2, b 1/4, and the other 254 bytes and the end share 1/4; ids from 257 on write nothing."""
    model = over(far)
    (said,) = model.next(model.open([[1]]))
    assert said.dtype == torch.float32 and said.exp().sum() == pytest.approx(1.0, abs=1e-5)
    assert said[[A, B]].exp().tolist() == pytest.approx([0.5, 0.25], abs=1e-6)
    assert said[END].exp() == pytest.approx(0.25 / 255, abs=1e-6)
    assert said[257:].tolist() == [-torch.inf] * 7


def test_continuations_are_scored_at_once_and_the_one_that_is_written_is_not_new(far: Scripted) -> None:
    model = over(far)
    (row,) = model.open([[1, 2]])
    model.write(row, b"a")
    ab, nothing, b = model.score([row], [[b"ab", b"", b"b"]])[0]
    (first,) = model.ids(row)
    second = model.vocabulary.ids[b"b"]
    assert (ab.tolist(), nothing.tolist(), b.tolist()) == ([-first, -second], [], [-second])
    assert [request.prompt for request in far.requests] == [(1, 2, first, first, second), (1, 2, first, second)]
    assert {(each.max_tokens, each.top_logprobs, each.echo) for each in far.requests} == {(0, 0, True)}
    assert model.work == Work(2, 9)
    model.write(row, b"aab")
    model.next([row])
    assert model.work == Work(3, 9)


def test_where_ids_are_not_taken_all_is_text(far: Scripted) -> None:
    far.answers = lambda request: reply(TextToken("a", -0.7, (("a", -0.7), ("b", -1.4))))
    model = over(far, by_id=False)
    prompt = tiny.byte_tokenizer().encode("Hi")
    (row,) = model.open([prompt])
    model.write(row, "né".encode()[:-1])  # half a character waits
    (said,) = model.next([row])
    assert [(request.prompt, request.extra) for request in far.requests] == [("Hin", {})]
    assert model.vocabulary.written[int(said.argmax())] == b"a"


@pytest.mark.parametrize("by_id", [True, False])
def test_a_text_that_ends_without_a_word_has_ended(far: Scripted, by_id: bool) -> None:
    far.answers = lambda request: reply(finish_reason="stop")
    model = over(far, by_id=by_id)
    assert int(model.next(model.open([[1]]))[0].argmax()) == END
    far.answers = lambda request: reply(TextToken("", -0.7, (("", -0.7), ("b", -1.4))), finish_reason="stop")
    (said,) = model.next(model.open([[1]]))
    assert said[END].exp() == pytest.approx(math.exp(-0.7), abs=1e-5)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda request: reply(), "upstream 'far' gave no log-probabilities of what it wrote; name a server"),
        (lambda request: reply(TextToken("a", None)), "named 0 of the 2 likeliest tokens: set `top` to what it gives"),
        (lambda request: reply(TextToken("a", -1.0, law(A))), "named 1 of the 2 likeliest"),
        (lambda request: reply(TextToken("a", 0.5, (("a", 0.5), ("b", 1e9)))), "that come to more than 1"),
        (lambda request: reply(TextToken("a", 0.5, (("a", math.nan), ("b", -1)))), "come to more than 1"),
        (lambda request: reply(TextToken("they", -1, (("they", -1), ("are", -2)))), "tokens that are not in the tok"),
    ],
)  # fmt: skip
def test_what_a_server_does_not_say_is_an_error(answer: Callable[[TextRequest], TextReply], says: str) -> None:
    model = over(Scripted(answer))
    with pytest.raises(NotSaid, match=says):
        model.next(model.open([[1]]))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (obliging, None),
        (partial(echoed, name="x"), "scored other tokens than it was sent"),
        (lambda request: reply(), "gave no log-probabilities of its prompt, which this method needs"),
        (lambda request: reply(TextToken("a", -1.0)), "no log-probabilities of its prompt"),
        (lambda request: reply(*(TextToken("", None) for _ in request.prompt)), "no log-probabilities of its prompt"),
        (lambda request: reply(*echoed(request).tokens, TextToken("a", -1.0)), None),  # wrote one all the same
        (lambda request: reply(*(TextToken("token_id:9", -1.0) for _ in request.prompt)), "scored other tokens"),
    ],
)
def test_a_server_that_does_not_score_prompts_is_refused(
    answer: Callable[[TextRequest], TextReply], says: str | None
) -> None:
    model = over(Scripted(answer))
    (row,) = model.open([[1, 2]])
    if says is None:
        assert [len(scores) for scores in model.score([row], [[b"ab"]])[0]] == [2]
    else:
        with pytest.raises(NotSaid, match=says):
            model.score([row], [[b"ab"]])[0]


def test_what_is_known_not_to_be_offered_is_not_asked_for(far: Scripted) -> None:
    with pytest.raises(ValueError, match="upstream 'far' gives no log-probabilities"):
        over(Scripted(obliging, Capabilities(logprobs=False)))
    with pytest.raises(ValueError, match="top is 0"):
        over(far, top=0)
    mute = Scripted(obliging, Capabilities(prompt_logprobs=False, context_window=100))
    model = over(mute)
    assert model.window == 99
    with pytest.raises(NotSaid, match="does not score prompts"):
        model.score(model.open([[1]]), [[b"a"]])
    assert mute.requests == []


def test_a_request_that_fails_harms_no_other(far: Scripted) -> None:
    """What the others' answers said is kept: only the failed one is asked again."""
    far.answers = lambda request: errors.Overloaded("far", "fell") if request.prompt == (2,) else obliging(request)
    model = over(far)
    rows = model.open([[1], [2], [3]])
    with pytest.raises(errors.Overloaded, match="upstream 'far' fell"):
        model.next(rows)
    assert len(far.requests) == 3
    assert model.next([rows[0], rows[2]]).shape == (2, tiny.VOCABULARY) and len(far.requests) == 3
    far.answers = obliging
    assert model.next(rows).shape == (3, tiny.VOCABULARY) and len(far.requests) == 4
    model.drop(rows)
    with pytest.raises(KeyError):
        model.next(rows)


Pair = tuple[LiveRows, ServerTokenModel]


@pytest.fixture(scope="module", params=NAMES)
def pocket(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pocket model here, and the same one as a server."""
    folder = POCKET / request.param
    here = load_rows(folder, "cpu", "float32")
    server = Blocking(LocalModel("far", folder, device="cpu"))
    yield here, load_server(ServerMember(server._upstream, "far", folder, top=len(here.vocabulary)), server)
    server.close()


def afresh(model: LiveRows, row: int, more: bytes) -> Tensor:
    """Log-probabilities of the tokens of a continuation, among all that the model has a logit for."""
    live = model._rows[row]
    same, new = live.text.with_more(more)
    ids = [*live.ids[: live.prompt + same], *new]
    said = tiny.logprobs(model._forward.model, ids)[len(ids) - len(new) - 1 : -1]
    return said.gather(1, torch.tensor(new, dtype=torch.int64)[:, None])[:, 0]


def close(mine: Tensor, theirs: Tensor) -> bool:
    """Down to e^-40, where rounding is larger than what is left."""
    return torch.allclose(mine.clamp(min=-40), theirs.clamp(min=-40), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_with_all_tokens_named_it_is_the_model(pocket: Pair, seed: int) -> None:
    """Property 17, over a walk that writes, takes back, asks, scores and forks."""
    here, there = pocket
    assert (there.vocabulary.ends, there.vocabulary.written[:200]) == (
        here.vocabulary.ends,
        here.vocabulary.written[:200],
    )
    walk = random.Random(seed)
    rows = [*zip(here.open([PROMPT, PROMPT[1:]]), there.open([PROMPT, PROMPT[1:]]), strict=True)]
    text = b""
    for _ in range(6):
        mine, theirs = row = walk.choice(rows)
        text = text[: walk.randint(0, len(text))] + "".join(walk.choices(STRINGS, k=2)).encode()
        text = text[:-1] if walk.random() < 0.2 else text
        here.write(mine, text)
        there.write(theirs, text)
        assert there.ids(theirs) == here.ids(mine)
        (a,), (b,) = here.next([mine]), there.next([theirs])
        assert close(b, a[: len(b)]) and b.exp().sum() == pytest.approx(1.0, abs=1e-5)
        more = ["".join(walk.choices(STRINGS, k=walk.randint(0, 2))).encode() for _ in range(2)]
        for text_after, scores in zip(more, there.score([theirs], [more])[0], strict=True):
            assert close(scores, afresh(here, mine, text_after))
        rows.append((here.fork(mine), there.fork(theirs)))
        assert row in rows
    assert close(there.heard(rows[0][1], 4), here.heard(rows[0][0], 4)[:, : len(there.vocabulary)])
    here.drop([mine for mine, _ in rows])
    there.drop([theirs for _, theirs in rows])


@pytest.mark.parametrize("by_id", [True, False])
def test_over_http_the_likeliest_are_the_models_and_all_is_1(by_id: bool) -> None:
    """Our own server, with 20 of 640 tokens; as text, those that read alike are lost."""
    folder = POCKET / "pocket-owl"
    here = load_rows(folder, "cpu", "float32")
    prompt = here.tokenizer.chat([{"role": "user", "content": "What is 3 + 4?"}])
    (mine,) = here.open([prompt])

    def use(address: str) -> None:
        server = Blocking(OpenAICompatible("far", f"{address}/v1", api_key=KEY))
        there = load_server(ServerMember(server._upstream, "owl", folder, by_id=by_id), server)
        (theirs,) = there.open([prompt])
        for text in (b"", b"The", b"The answer", b"The answer is"):
            here.write(mine, text)
            there.write(theirs, text)
            (a,), (b,) = here.next([mine]), there.next([theirs])
            best = a.topk(8).indices
            # as text it ends without saying how likely that was: 0.994
            assert torch.allclose(b[best].exp(), a[best].exp(), atol=1e-4 if by_id else 0.01)
            assert b.exp().sum() == pytest.approx(1.0, abs=1e-5)
        assert close(there.score([theirs], [[b" twelve."]])[0][0], afresh(here, mine, b" twelve."))
        assert torch.allclose(there.heard(theirs, 4).exp(), here.heard(mine, 4).exp(), atol=0.05)
        server.close()

    async def serve() -> None:
        upstream = LocalModel("here", folder, models=["owl-1b"], device="cpu")
        async with running({"owl": upstream}, key=KEY) as gateway:
            await asyncio.to_thread(use, gateway.address)
        await upstream.close()

    asyncio.run(serve())


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Status(400, "ids out of range"), errors.BadRequest, "saying: ids out of range"),
        (Status(401, f"wrong key {KEY}"), errors.Unauthorised, "check the API key"),
        (Hang(), errors.TimedOut, "did not answer in time"),
        (Reset(), errors.Unreachable, "cannot be reached"),
    ],
)
def test_a_server_that_fails_says_why_and_the_next_answer_is_read(
    fault: Fault, kind: type[errors.UpstreamError], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    def use(base_url: str) -> None:
        server = Blocking(OpenAICompatible("far", base_url, api_key=KEY, attempts=1, read_timeout_s=0.3))
        model = over(Scripted(obliging))
        model._server = server
        (row,) = model.open([[1, 2]])
        with pytest.raises(kind, match=says) as caught:
            model.next([row])
        assert KEY not in str(caught.value) + caplog.text
        assert model.next([row]).shape == (1, tiny.VOCABULARY)
        server.close()

    async def serve() -> None:
        async with FakeServer(Scripted(obliging), [fault]) as server:
            await asyncio.to_thread(use, server.base_url)

    asyncio.run(serve())
