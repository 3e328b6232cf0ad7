"""A handful of requests to a served bundle, as any OpenAI client would send them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from anabranch.data.judges import JUDGES, Judge
from anabranch.demo.failed import DemoFailed
from anabranch.registry import resolve
from anabranch.serving.offer import AUTO
from anabranch.upstreams.pocket.questions import Question


@dataclass(frozen=True)
class Asked:
    """A request and what became of it.

    Args:
        question: what was asked.
        answer: what came back.
        right: whether it is.
        model: who answered.
        cost_usd: what it cost.
        overhead_ms: what the gateway took, the model excluded.
    """

    question: Question
    answer: str
    right: bool
    model: str
    cost_usd: float
    overhead_ms: float


def ask(address: str, questions: Sequence[Question]) -> list[Asked]:
    """Send each question to the router behind `address`, one after another.

    Raises:
        DemoFailed: a request was refused.
    """
    return asyncio.run(_ask(address, questions))


async def _ask(address: str, questions: Sequence[Question]) -> list[Asked]:
    async with aiohttp.ClientSession() as session:
        return [await _ask_one(session, address, question) for question in questions]


async def _ask_one(session: aiohttp.ClientSession, address: str, question: Question) -> Asked:
    body = {"model": AUTO, "messages": [{"role": "user", "content": question.prompt}]}
    async with session.post(f"{address}/v1/chat/completions", json=body) as response:
        reply = await response.json()
        if response.status != 200:
            raise DemoFailed(f"a request was refused with {response.status}: {reply}")
        said = response.headers
    judge: Judge = resolve(question.judge, JUDGES, "judge")
    answer = reply["choices"][0]["message"]["content"]
    return Asked(
        question=question,
        answer=answer,
        right=judge.score(answer, question.reference) == 1.0,
        model=said["x-anabranch-model"],
        cost_usd=float(said["x-anabranch-cost-usd"]),
        overhead_ms=float(said["x-anabranch-overhead-ms"]),
    )
