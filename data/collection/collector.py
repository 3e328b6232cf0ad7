"""The collector: keeps every slot of every upstream busy, and writes each request down before it goes out."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence

from anabranch.data.collection.budget import Budget
from anabranch.data.collection.entries import Done, Entry, Failed, Sent
from anabranch.data.collection.lanes import Ask, Lane, ModelQueue
from anabranch.data.collection.ledger_thread import LedgerThread
from anabranch.data.collection.tally import Tally
from anabranch.data.collection.terms import Terms
from anabranch.data.costs import Costs
from anabranch.upstreams.errors import EmptyAnswer, UpstreamError
from anabranch.upstreams.pool import OpenPool, PoolModel
from anabranch.upstreams.upstream import Reply

OPENING_S = 1e-3  # between one slot of an upstream and its next


class Collector:
    """Asks what the lanes hold, and stops early when told to, at the budget, or when the ledger cannot be written.

    Args:
        pool: open.
        lanes: what to ask of whom.
        terms: how.
        ledger: that runs.
        budget: that every request is reserved in.
        costs: of what was used.
        tally: counts.
        grace_s: that answers in flight get after `stop`.
    """

    def __init__(
        self,
        pool: OpenPool,
        lanes: Sequence[Lane],
        terms: Terms,
        ledger: LedgerThread,
        budget: Budget,
        costs: Costs,
        tally: Tally,
        grace_s: float,
    ) -> None:
        self._lanes, self._terms = lanes, terms
        names = [queue.model.name for lane in lanes for queue in lane.queues]
        self._upstreams = {name: pool.served(name).upstream for name in names}
        self._ledger, self._budget, self._costs, self._tally = ledger, budget, costs, tally
        self._grace_s = grace_s
        self._stop, self._now = asyncio.Event(), asyncio.Event()

    def stop(self) -> None:
        """Send nothing more; what is in flight gets the grace, and after a second call nothing."""
        if self._stop.is_set():
            self._now.set()
        self._stop.set()
        self._budget.halt()

    async def run(self) -> None:
        """Ask everything.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        workers = asyncio.create_task(self._all_workers())
        await self._either(workers, self._stop)
        await self._either(workers, self._now, self._grace_s)
        workers.cancel()
        await asyncio.wait({workers})
        if not workers.cancelled():
            workers.result()

    async def _either(self, workers: "asyncio.Task[None]", told: asyncio.Event, timeout_s: float | None = None) -> None:
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait({workers, waiting}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _all_workers(self) -> None:
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                async for lane in self._opening():
                    group.create_task(self._work(lane))
        except* Exception as errors:
            failure = errors.exceptions[0]
        if failure is not None:
            raise failure

    async def _opening(self) -> AsyncGenerator[Lane, None]:
        """Each slot's lane, one after another.

        Opened all at once they would be answered all at once, and wait for one another at every turn from then on.
        """
        wanted = {lane.upstream: min(lane.slots, sum(len(queue.asks) for queue in lane.queues)) for lane in self._lanes}
        for number in range(max(wanted.values(), default=0)):
            for lane in self._lanes:
                if number < wanted[lane.upstream]:
                    yield lane
            await asyncio.sleep(OPENING_S)
            if self._stop.is_set():
                return

    async def _work(self, lane: Lane) -> None:
        while not self._stop.is_set() and (queue := lane.next_queue()) is not None:
            ask = queue.asks.popleft()
            queue.in_flight += 1
            reservation = await self._budget.reserve(ask.reserved_usd)
            if reservation is None:
                queue.asks.appendleft(ask)
                queue.in_flight -= 1
                return
            await self._ledger.log(Sent(ask.key, ask.reserved_usd))
            # not waited for: whatever this slot logs next is committed after it
            self._ledger.log_soon(await self._answered(queue, ask, reservation))
            queue.in_flight -= 1

    async def _answered(self, queue: ModelQueue, ask: Ask, reservation: int) -> Entry:
        name = queue.model.name
        try:
            reply = await self._upstreams[name].complete(self._terms.request(queue.model, ask.prompt.messages))
        except EmptyAnswer as error:
            reply = _nothing(queue.model, error)
        except UpstreamError as error:
            self._refused(queue, error)
            failed = Failed(ask.key, error, ask.reserved_usd)
            self._budget.settle(reservation, failed.maybe_paid_usd)
            return failed
        queue.answered()
        cost_usd = self._costs.usd(name, reply.usage)
        self._budget.settle(reservation, cost_usd)
        self._tally.models[name].answered(cost_usd)
        return Done(ask.key, reply, cost_usd, None if cost_usd is None else self._costs.date)

    def _refused(self, queue: ModelQueue, error: UpstreamError) -> None:
        self._tally.models[queue.model.name].refused(error)
        already = queue.given_up
        queue.failed(error)
        if queue.given_up is not None and already is None:
            self._tally.given_up.append(f"gave {queue.model.name} up: {error}")


def _nothing(model: PoolModel, error: EmptyAnswer) -> Reply:
    """An answer without text, which its judge finds wrong; a router must know that the model has none to give."""
    return Reply("", model.served_as, "stop", error.usage, latency_s=math.nan, attempts=max(1, error.attempts))
