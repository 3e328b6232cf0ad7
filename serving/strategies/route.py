"""The model that a router chooses."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from anabranch.routers.choice import Choice, choose
from anabranch.routers.policies.policy import Bools
from anabranch.routers.router import Router
from anabranch.serving.dialect import C, Q, R
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.calls import Calls


@dataclass(frozen=True, eq=False)
class Route:
    """One decision, then one call.

    Args:
        router: its arms are models of the pool.
        threads: where decisions are made, since an encoder takes its time; their number bounds decisions at once.
    """

    router: Router
    threads: Executor
    name: str = "route"

    async def complete(self, calls: Calls[Q, R, C]) -> R:
        """See `Strategy.complete`."""
        return await calls.complete(await self._decided(calls))

    async def stream(self, calls: Calls[Q, R, C]) -> AsyncGenerator[C, None]:
        """See `Strategy.stream`."""
        return calls.stream(await self._decided(calls))

    async def _decided(self, calls: Calls[Q, R, C]) -> str:
        feasible = self._feasible(calls)
        choice = await asyncio.get_running_loop().run_in_executor(self.threads, self._choose, calls, feasible)
        model = self.router.arms[choice.arm]
        calls.decided(model, choice.reason, choice.expected_cost_usd)
        return model

    def _choose(self, calls: Calls[Q, R, C], feasible: Bools) -> Choice:
        text = calls.routing_text()
        try:
            return choose(self.router, text, calls.tradeoff, feasible)
        except ValueError as error:
            # at its own trade-off the router has been tried before it was served
            if calls.tradeoff is None:
                raise
            raise Refused(400, str(error), param="tradeoff") from None

    def _feasible(self, calls: Calls[Q, R, C]) -> Bools:
        obstacles = [calls.obstacle(arm) for arm in self.router.arms]
        if None not in obstacles:
            raise Refused(400, f"no model of the router can serve this: {obstacles[0]}", param="model")
        return np.array([obstacle is None for obstacle in obstacles])
