"""What a deferral policy makes of live models: answers are looked at, then one is given or more models are asked."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from time import perf_counter
from typing import Generic, NamedTuple, cast

import numpy as np

from anabranch.data.answers import AnswerKind, canonical
from anabranch.data.token_signals import TOKEN_SIGNALS
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.final_call import is_final
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.reads import signals_read
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, Candidate, Floats, State
from anabranch.routers.deferral.surest import best_so_far
from anabranch.routers.policies.draws import draws
from anabranch.serving.at_once import at_once
from anabranch.serving.dialect import C, Q, R
from anabranch.serving.refused import Refused
from anabranch.serving.strategies import record
from anabranch.serving.strategies.bounds import Bounds
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.strategies.candidates import KeyOf, candidate_of, without_logprobs
from anabranch.serving.tool_use import in_tool_use
from anabranch.upstreams.errors import UpstreamError

# as many as a replay allows; policies end by themselves
MOST_WAVES = 64


@dataclass(frozen=True, eq=False)
class Cascade:
    """A plan over models of the pool, whose policy at a request's trade-off decides as a replay of the answers would.

    Answers that the policy may still reject are never shown; one that it will give whatever it says is streamed as it
    comes. A wave of calls is over once all of them are, also where one of the answers would do. In the middle of tool
    use there is no cascade: the last model of the policy's order answers. Upstreams are asked for log-probabilities if
    the plan reads signals of tokens; clients see them only if they ask, too.

    Args:
        plan: its models are names in the pool.
        threads: where estimates are made and scorers read answers; the loop's own if None.
        timeout_s: for a call, or for each piece of one that is streamed; too late, it has failed.
        max_completion_tokens: of all answers to a prompt together; with none left, the best answer so far is given.
        name: what headers call it.

    Raises:
        ValueError: a policy's models or the router's are not those of the plan, or a limit is not above 0.
    """

    plan: Plan
    threads: Executor | None = None
    timeout_s: float | None = None
    max_completion_tokens: int | None = None
    name: str = "cascade"

    def __post_init__(self) -> None:
        models, router = self.plan.models, self.plan.router
        for stop in self.plan.stops:
            called = stop.policy.models
            if not called or not set(called) <= set(range(len(models))):
                raise ValueError(f"a policy calls models {called}; there are {len(models)}, from 0 on")
        if router is not None and router.arms != models:
            raise ValueError(f"the router estimates {router.arms}; the cascade calls {models}: they must be the same")
        for limit in (self.timeout_s, self.max_completion_tokens):
            if limit is not None and not limit > 0:
                raise ValueError(
                    f"timeout_s and max_completion_tokens must be above 0, not {limit}; leave out for none"
                )

    async def complete(self, calls: Calls[Q, R, C]) -> R:
        """See `Strategy.complete`."""
        if in_tool_use(calls.request):
            return await calls.complete(self._tool_user(calls), bounds=self.bounds())
        prompt = await self._begun(calls)
        while isinstance(step := prompt.step(), Call):
            await prompt.ask(step)
        return prompt.reply(step)

    async def stream(self, calls: Calls[Q, R, C]) -> AsyncGenerator[C, None]:
        """See `Strategy.stream`."""
        if in_tool_use(calls.request):
            return calls.stream(self._tool_user(calls), bounds=self.bounds())
        prompt = await self._begun(calls)
        return _pieces(prompt, await prompt.before_pieces())

    def bounds(self, spent: int = 0, calls: int = 1) -> Bounds:
        """Of each of some calls at once, once so many completion tokens are spent."""
        most = self.max_completion_tokens
        return Bounds(self.timeout_s, None if most is None else max(most - spent, 0) // max(calls, 1))

    @cached_property
    def reads_tokens(self) -> bool:
        """Whether log-probabilities tell the plan anything."""
        return not signals_read(self.plan).isdisjoint(TOKEN_SIGNALS)

    async def looked_at(self, look: partial[Candidate]) -> Candidate:
        """What the policy sees of an answer; a network that reads it holds nobody else up."""
        if not any(isinstance(signal, Scorer) for signal in self.plan.signals):
            return look()
        return await asyncio.get_running_loop().run_in_executor(self.threads, look)

    @property
    def key_of(self) -> KeyOf | None:
        """Reads the canonical answer; without it no two answers are known to be equal."""
        return None if self.plan.answers is None else partial(canonical, kind=cast(AnswerKind, self.plan.answers))

    def _tool_user(self, calls: Calls[Q, R, C]) -> str:
        """The last model of the order that can serve the request."""
        able = self._able(calls)
        calls.decided(able[-1], "tool_use")
        return able[-1]

    async def _begun(self, calls: Calls[Q, R, C]) -> "_Prompt[Q, R, C]":
        self._able(calls)
        text, state = await asyncio.get_running_loop().run_in_executor(self.threads, self._state, calls)
        return _Prompt(self, calls, text, state)

    def _able(self, calls: Calls[Q, R, C]) -> list[str]:
        names = [self.plan.models[model] for model in self.plan.policy(calls.tradeoff).models]
        obstacles = {name: calls.obstacle(name) for name in names}
        able = [model for model, obstacle in obstacles.items() if obstacle is None]
        if not able:
            raise Refused(400, f"no model can serve this: {next(iter(obstacles.values()))}", param="model")
        return able

    def _state(self, calls: Calls[Q, R, C]) -> tuple[str, State]:
        """The routing text, and what is known before any call."""
        text = calls.routing_text()
        quality, cost_usd = self.before_calls(text)
        return text, State((), quality, cost_usd, float(draws([text])[0]))

    def before_calls(self, text: str) -> tuple[Floats, Floats]:
        """What is known of each model before any call: estimated quality and usual cost, [M]; NaN is unknown.

        The router reads its own trade-off, at which the policies were fitted.
        """
        unknown = np.full(len(self.plan.models), np.nan)
        cost_usd = np.array(self.plan.usual_cost_usd, np.float64) if self.plan.usual_cost_usd else unknown
        router = self.plan.router
        if router is None:
            return unknown, cost_usd
        return router.estimates([text], router.tradeoff)[0].quality[0], cost_usd


class _Asked(NamedTuple, Generic[R]):
    """How a call ended, and what it took of the tokens."""

    candidate: Candidate
    reply: R | UpstreamError | Refused
    tokens: int


class _Prompt(Generic[Q, R, C]):
    """One prompt on its way through a cascade: what the policy sees of its answers, and the answers themselves."""

    def __init__(self, cascade: Cascade, calls: Calls[Q, R, C], text: str, state: State) -> None:
        self._cascade, self._calls, self._text, self._state = cascade, calls, text, state
        self._policy: Deferral = cascade.plan.policy(calls.tradeoff)
        self._asked: list[_Asked[R]] = []
        self._waves = 0

    def step(self) -> Call | Answer:
        """What to do next; who answers is written down.

        Raises:
            UpstreamError: every call failed.
            Refused: there is no answer for another reason.
        """
        policy = self._policy
        action: Action = policy.decide(self._state)
        if isinstance(action, Call) and (over := self._over(action)):
            action = best_so_far(policy, self._state, over)
        if isinstance(action, Abstain):
            raise self._no_answer(action)
        if isinstance(action, Answer):
            self._decided(self._state.candidates[action.pick].model, action.reason)
        return action

    async def before_pieces(self) -> Call | Answer:
        """All that has to be done before the first piece can be shown: the final call, or the answer, is left."""
        while isinstance(step := self.step(), Call):
            if (ending := self._foreseen(step)) is not None:
                self._decided(step.models[0], ending.reason)
                break
            await self.ask(step)
        return step

    async def ask(self, call: Call) -> None:
        """Make a wave of calls."""
        bounds = self._bounds(call)
        wave = await at_once([self._ask(model, sample, bounds) for model, sample in self._samples(call)])
        self._note(wave)

    def reply(self, answer: Answer) -> R:
        """The answer that was picked, as the client wants it."""
        reply = self._asked[answer.pick].reply
        if isinstance(reply, Exception):
            raise reply
        return without_logprobs(reply) if self._calls.request.top_logprobs is None else reply

    def chunks(self, answer: Answer) -> list[C]:
        """The same in pieces."""
        return list(self._calls.chunks(self.reply(answer)))

    def streamed(self, call: Call) -> AsyncGenerator[C, None]:
        """The pieces of a final call."""
        (model, sample), *_ = self._samples(call)
        return self._calls.stream(self._cascade.plan.models[model], self._request(sample), self._bounds(call))

    def failed(self, call: Call, error: UpstreamError, latency_s: float) -> None:
        """A final call failed before its first piece."""
        (model, sample), *_ = self._samples(call)
        self._note([self._failure(model, sample, self._calls.record.calls[-1], error, latency_s)])

    async def _ask(self, model: int, sample: int, bounds: Bounds) -> _Asked[R]:
        name, started = self._cascade.plan.models[model], perf_counter()
        obstacle = self._calls.obstacle(name)
        if obstacle is not None:
            return _Asked(Candidate(model, sample, failed=True), Refused(400, obstacle, param="model"), 0)
        wanted = self._cascade.reads_tokens and self._calls.capabilities(name).logprobs is not False
        request = self._request(sample, logprobs=wanted)
        call, reply = await self._calls.attempt(name, request, bounds)
        if isinstance(reply, UpstreamError):
            return self._failure(model, sample, call, reply, perf_counter() - started)
        plan, key_of = self._cascade.plan, self._cascade.key_of
        candidate = await self._cascade.looked_at(
            partial(candidate_of, model, sample, request, reply, call.cost_usd, key_of, plan.signals, self._text)
        )
        # what is not counted may have been all that was granted
        tokens = (bounds.completion_tokens or 0) if reply.usage is None else reply.usage.completion_tokens
        return _Asked(candidate, reply, tokens)

    def _failure(self, model: int, sample: int, call: record.Call, error: UpstreamError, latency_s: float) -> _Asked[R]:
        """A bill that is not known is expected to be a usual one, so that budgets can be kept."""
        cost_usd = float(self._state.cost_usd[model]) if call.cost_usd is None else call.cost_usd
        candidate = Candidate(model, sample, cost_usd=cost_usd, latency_s=latency_s, failed=True)
        return _Asked(candidate, error, call.usage.completion_tokens if call.usage else 0)

    def _note(self, wave: list[_Asked[R]]) -> None:
        self._asked += wave
        self._state = self._state.after([one.candidate for one in wave])
        self._waves += 1

    def _foreseen(self, call: Call) -> Answer | None:
        """How the policy will end if `call` is final; None if it is not, or cannot be made."""
        policy, model = self._policy, call.models[0] if len(call.models) == 1 else None
        if model is None or not is_final(policy, self._state, call):
            return None
        if self._calls.obstacle(self._cascade.plan.models[model]) is not None:
            return None
        ending = policy.decide(self._state.after([Candidate(model, self._state.calls_of(model))]))
        return ending if isinstance(ending, Answer) and ending.pick == len(self._state.candidates) else None

    def _over(self, call: Call) -> str:
        """Why a wave cannot be made; empty if it can."""
        if self._waves >= MOST_WAVES:
            return "too_many_waves"
        return "over_tokens" if self._bounds(call).completion_tokens == 0 else ""

    def _bounds(self, call: Call) -> Bounds:
        return self._cascade.bounds(sum(one.tokens for one in self._asked), len(call.models))

    def _samples(self, call: Call) -> list[tuple[int, int]]:
        """Model and number of the sample of each call of a wave."""
        return [
            (model, self._state.calls_of(model) + call.models[:at].count(model)) for at, model in enumerate(call.models)
        ]

    def _request(self, sample: int, *, logprobs: bool = False) -> Q:
        """The client's request; samples of one model differ, even where the client fixes a seed."""
        request = self._calls.request
        if sample and request.seed is not None:
            request = replace(request, seed=request.seed + sample)
        return replace(request, top_logprobs=0) if logprobs and request.top_logprobs is None else request

    def _decided(self, model: int, reason: str) -> None:
        self._calls.decided(self._cascade.plan.models[model], reason)

    def _no_answer(self, abstain: Abstain) -> Exception:
        """The last failure if nothing else came, or that the policy keeps its answers to itself."""
        failures = [one.reply for one in self._asked if isinstance(one.reply, Exception)]
        if failures and not self._state.answers:
            return max(enumerate(failures), key=lambda at: (isinstance(at[1], UpstreamError), at[0]))[1]
        return Refused(
            422,
            f"the cascade gives no answer ({abstain.reason}); ask otherwise, or name a model",
            param="model",
            code="abstained",
        )


async def _pieces(prompt: _Prompt[Q, R, C], step: Call | Answer) -> AsyncGenerator[C, None]:
    """The final call as it comes; if that fails before its first piece, the policy goes on."""
    while isinstance(step, Call):
        begun, started = False, perf_counter()
        try:
            async with aclosing(prompt.streamed(step)) as chunks:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            return
        except UpstreamError as error:
            if begun:
                raise
            prompt.failed(step, error, perf_counter() - started)
        step = await prompt.before_pieces()
    for chunk in prompt.chunks(step):
        yield chunk
