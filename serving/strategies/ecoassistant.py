"""EcoAssistant: the cheapest assistant works with code first, and its solutions are shown when a task like it comes."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, TypeVar, cast

from anabranch.serving.code_runner import CodeRunner
from anabranch.serving.demonstrations import Demonstration, Demonstrations, DemonstrationsError
from anabranch.serving.dialect import C, Q, R
from anabranch.serving.needs import needs
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.assistant_prompts import Message, first_message, judge_question, says_yes
from anabranch.serving.strategies.assistant_turns import Ended, work
from anabranch.serving.strategies.bounds import Bounds
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.tool_use import in_tool_use
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.upstream import Chunk, Reply, Request

LOG = logging.getLogger(__name__)
ChatCalls = Calls[Request, Reply, Chunk]
Got = TypeVar("Got")


@dataclass(frozen=True, eq=False)
class EcoAssistant:
    """Assistants in turn, each from scratch, until a judge says that the task is solved.

    An assistant works with code that is run here. If its last code failed, the next one begins without a word from the
    judge. What was solved with code is kept, and the nearest of what was kept stands in the first message to every
    assistant. In the middle of tool use, and where a request needs more than a text (tools, images, JSON, several
    answers), the last assistant answers alone.

    Args:
        assistants: models of the pool, the cheapest first.
        judge: a model of the pool; each of its calls is charged like any other.
        runner: where code is run; see its limits before you make one.
        demonstrations: what was solved; None to show and keep nothing.
        most_replies: automatic ones to an assistant.
        word: with which an assistant ends its work.
        threads: where queries are encoded and demonstrations written; the loop's own if None.
        timeout_s: for a call of a model; too late, it has failed.
        max_completion_tokens: of all calls for a prompt together, the judge's too; with none left, it is an error.
        name: what headers call it.

    Raises:
        ValueError: there is no assistant, one is named twice, there is no word, or a limit is out of its range.
    """

    source: ClassVar[str] = "arXiv 2310.03046"
    specification: ClassVar[str] = "code"

    assistants: tuple[str, ...]
    judge: str
    runner: CodeRunner
    demonstrations: Demonstrations | None = None
    most_replies: int = 5
    word: str = "TERMINATE"
    threads: Executor | None = None
    timeout_s: float | None = None
    max_completion_tokens: int | None = None
    name: str = "ecoassistant"

    def __post_init__(self) -> None:
        if not self.assistants or len(set(self.assistants)) < len(self.assistants):
            raise ValueError(f"assistants are {self.assistants}; name at least one, and each once")
        if not self.word.isalnum() or self.most_replies < 0:
            raise ValueError(
                f"word is {self.word!r} and most_replies {self.most_replies}; they must be one word, and at least 0"
            )
        for limit in (self.timeout_s, self.max_completion_tokens):
            if limit is not None and not limit > 0:
                raise ValueError(
                    f"timeout_s and max_completion_tokens must be above 0, not {limit}; leave out for none"
                )

    async def complete(self, calls: Calls[Q, R, C]) -> R:
        """See `Strategy.complete`."""
        chats = _chats(calls)
        if (why := _no_loop(chats.request)) is not None:
            return cast(R, await chats.complete(self._alone(chats, why), bounds=self.bounds()))
        return cast(R, await self._solved(chats))

    async def stream(self, calls: Calls[Q, R, C]) -> AsyncGenerator[C, None]:
        """See `Strategy.stream`; nothing is shown before it is judged."""
        chats = _chats(calls)
        if (why := _no_loop(chats.request)) is not None:
            return cast(AsyncGenerator[C, None], chats.stream(self._alone(chats, why), bounds=self.bounds()))
        return cast(AsyncGenerator[C, None], _pieces(chats, await self._solved(chats)))

    def bounds(self, spent: int = 0) -> Bounds:
        """Of the next call, once so many completion tokens are spent."""
        most = self.max_completion_tokens
        return Bounds(self.timeout_s, None if most is None else max(most - spent, 0))

    async def in_thread(self, act: Callable[[], Got]) -> Got:
        """What encodes or writes holds nobody else up."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, act)

    def _alone(self, calls: ChatCalls, reason: str) -> str:
        """The last assistant that can serve the request."""
        last = _able(calls, self.assistants)[-1]
        calls.decided(last, reason)
        return last

    async def _solved(self, calls: ChatCalls) -> Reply:
        able = _able(calls, self.assistants)
        obstacle = calls.obstacle(self.judge)
        if obstacle is not None:
            raise Refused(400, f"the judge cannot read this: {obstacle}", param="model")
        query = await self.in_thread(calls.routing_text)
        return await _Task(self, calls, query, await self._like(query)).solved(able)

    async def _like(self, query: str) -> Demonstration | None:
        """What was solved and is like it; a task is not lost because that cannot be read."""
        if self.demonstrations is None:
            return None
        try:
            return await self.in_thread(partial(self.demonstrations.nearest, query))
        except DemonstrationsError as error:
            LOG.error("%s", error)
            return None


class _Task:
    """One prompt on its way from assistant to assistant."""

    def __init__(self, eco: EcoAssistant, calls: ChatCalls, query: str, shown: Demonstration | None) -> None:
        self._eco, self._calls, self._query, self._shown = eco, calls, query, shown
        self._spent = 0

    async def solved(self, assistants: list[str]) -> Reply:
        """The first answer that is found good.

        Raises:
            UpstreamError: the judge failed, or every assistant did before it had worked.
            Refused: nobody solved it, or there are no tokens left.
        """
        failures: dict[str, str | UpstreamError] = {}
        for assistant in assistants:
            try:
                ended = await work(
                    partial(self._ask_assistant, assistant),
                    self._eco.runner.run,
                    self._messages(),
                    self._eco.most_replies,
                    self._eco.word,
                )
            except UpstreamError as error:
                failures[assistant] = error
                continue
            why = ended.failed or await self._judged(ended)
            await self._noted(ended, solved=not why)
            if not why:
                self._calls.decided(assistant, "answered" if ended.ran is None else "solved")
                return _composed(ended)
            failures[assistant] = why
        raise _unsolved(failures)

    def _messages(self) -> tuple[Message, ...]:
        """Of a new conversation: the client's, with all that an assistant must know in the last."""
        *before, asked = self._calls.request.messages
        return (*before, first_message(asked, self._eco.word, self._eco.runner.placeholders, self._shown))

    async def _ask_assistant(self, model: str, messages: tuple[Message, ...]) -> Reply:
        # log-probabilities would be those of a text with the word at its end
        return await self._ask(model, replace(self._calls.request, messages=messages, top_logprobs=None))

    async def _judged(self, ended: Ended) -> str:
        """Why an answer is not good enough; empty if it is."""
        question = judge_question(self._query, ended.answer, ended.code, ended.ran)
        request = Request("", ({"role": "user", "content": question},), temperature=0.0)
        return "" if says_yes((await self._ask(self._eco.judge, request)).text) else "judged_wrong"

    async def _ask(self, model: str, request: Request) -> Reply:
        bounds = self._eco.bounds(self._spent)
        if bounds.completion_tokens == 0:
            raise Refused(
                422,
                f"max_completion_tokens = {self._eco.max_completion_tokens} were used up before the task was solved; "
                "ask otherwise, or name a model",
                param="model",
                code="over_tokens",
            )
        call, reply = await self._calls.attempt(model, request, bounds)
        # what is not counted may have been all that was granted
        uncounted = 0 if isinstance(reply, UpstreamError) else bounds.completion_tokens or 0
        self._spent += uncounted if call.usage is None else call.usage.completion_tokens
        if isinstance(reply, UpstreamError):
            raise reply
        return reply

    async def _noted(self, ended: Ended, *, solved: bool) -> None:
        """Keep what was learnt; an answer is not lost because that cannot be written."""
        store = self._eco.demonstrations
        if store is None:
            return
        try:
            if self._shown is not None:
                await self._eco.in_thread(partial(store.settle, self._shown, succeeded=solved))
            if solved and ended.code:
                await self._eco.in_thread(partial(store.add, self._query, ended.code))
        except DemonstrationsError as error:
            LOG.error("%s", error)


def _chats(calls: Calls[Q, R, C]) -> ChatCalls:
    if not isinstance(calls.request, Request):
        raise Refused(400, "assistants answer chats only; use /v1/chat/completions", param="model")
    return cast(ChatCalls, calls)


def _no_loop(request: Request) -> str | None:
    """Why the last assistant answers alone; None if it need not."""
    if in_tool_use(request):
        return "tool_use"
    asked = request.messages[-1].get("role") == "user" if request.messages else False
    return "no_loop" if not asked or any(needs(request)) else None


def _able(calls: ChatCalls, models: tuple[str, ...]) -> list[str]:
    obstacles = {model: calls.obstacle(model) for model in models}
    able = [model for model, obstacle in obstacles.items() if obstacle is None]
    if not able:
        raise Refused(400, f"no assistant can serve this: {next(iter(obstacles.values()))}", param="model")
    return able


def _composed(ended: Ended) -> Reply:
    """The last reply with the answer alone; its own body would say the word."""
    return replace(ended.reply, text=ended.answer, logprobs=(), body={})


def _unsolved(failures: dict[str, str | UpstreamError]) -> Exception:
    """The last failure of an upstream if nobody came to work, or that nobody solved the task."""
    errors = [why for why in failures.values() if isinstance(why, UpstreamError)]
    if len(errors) == len(failures):
        return errors[-1]
    whys = ((name, why if isinstance(why, str) else type(why).__name__) for name, why in failures.items())
    told = ", ".join(f"{name}: {why}" for name, why in whys)
    return Refused(
        422, f"no assistant solved this ({told}); ask otherwise, or name a model", param="model", code="unsolved"
    )


async def _pieces(calls: ChatCalls, reply: Reply) -> AsyncGenerator[Chunk, None]:
    for chunk in calls.chunks(reply):
        yield chunk
