"""Collecting: every model of a pool is asked for every prompt, and what it answered becomes a label set."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from anabranch.data.collection.budget import Budget
from anabranch.data.collection.collector import Collector
from anabranch.data.collection.forecast import ModelForecast, forecast
from anabranch.data.collection.garbage import set_aside
from anabranch.data.collection.inputs import check_inputs, record_inputs
from anabranch.data.collection.judging import judge_answers
from anabranch.data.collection.label_table import write_label_set
from anabranch.data.collection.lanes import Lane, with_concurrency
from anabranch.data.collection.ledger import Ledger, open_ledger, read_ledger
from anabranch.data.collection.ledger_lock import LedgerLock
from anabranch.data.collection.ledger_schema import LedgerError
from anabranch.data.collection.ledger_thread import LedgerThread
from anabranch.data.collection.open_files import allow_open_files
from anabranch.data.collection.plan import plan
from anabranch.data.collection.progress import shown
from anabranch.data.collection.prompts import PromptSet
from anabranch.data.collection.signals import told_to_stop
from anabranch.data.collection.summary import ModelSummary, Summary, summarise
from anabranch.data.collection.tally import Tally
from anabranch.data.collection.terms import Terms
from anabranch.data.costs import Costs
from anabranch.data.pool_prices import prices_of
from anabranch.data.prices import PriceTable
from anabranch.upstreams.pool import OpenPool, Pool

LINGER_S_A_SLOT = 5e-6
LONGEST_LINGER_S = 0.01


@dataclass(frozen=True)
class Collection:
    """What to collect, and where to.

    Args:
        pool: whom to ask.
        prompts: what.
        out: LABELS folder; what its ledger already has is not asked again.
        terms: how.
        concurrency: calls at once to each upstream; what its settings say if None.
        budget_usd: for all runs on this ledger together; None for no limit.
        retry_failed: ask again what failed in earlier runs.
        no_prices: leave the cost of models without a price unknown, where they would be refused.
        grace_s: that answers in flight get when the run is told to stop.
    """

    pool: Pool
    prompts: PromptSet
    out: Path
    terms: Terms = Terms()  # noqa: RUF009 - frozen
    concurrency: int | None = None
    budget_usd: float | None = None
    retry_failed: bool = False
    no_prices: bool = False
    grace_s: float = 10.0

    def run(self, console: Console) -> Summary:
        """Ask what is missing, and write the label set.

        Args:
            console: where progress is shown.

        Raises:
            ValueError: the input breaks a rule; nothing was asked.
            LedgerError: the ledger is in use, is tied to other input, or cannot be written.
            UnknownPriceError: models have no price.
        """
        prices, settings = self._checked(), self._settings()
        if (self.out / "labels.parquet").exists() and not self._ledger_path.exists():
            raise LedgerError(f"{self.out} holds labels that no ledger accounts for; use another --out")
        self.out.mkdir(parents=True, exist_ok=True)
        with LedgerLock(self.out / "ledger.lock"):
            ledger = open_ledger(self._ledger_path)
            try:
                check_inputs(ledger, self.prompts.prompts, settings)
                record_inputs(ledger, self.prompts, settings)
                return self._on(ledger, prices, console)
            finally:
                ledger.close()

    def forecast(self) -> dict[str, ModelForecast]:
        """What `run` would ask and cost, by model; nothing is sent and nothing written.

        Raises:
            ValueError: as `run`.
            LedgerError: the ledger is tied to other input, or cannot be read.
        """
        prices, ledger = self._checked(), read_ledger(self._ledger_path)
        check_inputs(ledger, self.prompts.prompts, self._settings())
        return forecast(self._plan(ledger, prices), ledger, self.terms, prices)

    @property
    def _ledger_path(self) -> Path:
        return self.out / "ledger.sqlite"

    def _settings(self) -> dict[str, str]:
        return {model.name: self.terms.settings_of(model) for model in self.pool.models}

    def _checked(self) -> PriceTable:
        prices = prices_of(self.pool, partial=self.no_prices)
        if self.budget_usd is not None:
            self._check_bounds(self.budget_usd, prices)
        return prices

    def _check_bounds(self, budget_usd: float, prices: PriceTable) -> None:
        if not budget_usd >= 0:
            raise ValueError(f"budget is {budget_usd}; it must be USD, at least 0")
        unpriced = [model.name for model in self.pool.models if model.name not in prices.entries]
        if unpriced:
            raise ValueError(f"a budget needs the prices of {', '.join(unpriced)}; add them, or leave --budget out")
        endless = [model.name for model in self.pool.models if self.terms.max_tokens_of(model) is None]
        if endless:
            raise ValueError(
                f"a budget needs max_tokens of {', '.join(endless)}: give --max-tokens, or max_tokens in the pool file"
            )

    def _plan(self, ledger: Ledger, prices: PriceTable) -> list[Lane]:
        lanes = plan(
            with_concurrency(self.pool, self.concurrency),
            self.prompts.prompts,
            self.terms,
            prices,
            ledger.states(),
            retry_failed=self.retry_failed,
            concurrency=self.concurrency,
        )
        if self.budget_usd is not None:
            _refuse_unbounded(lanes)
        return lanes

    def _on(self, ledger: Ledger, prices: PriceTable, console: Console) -> Summary:
        found = ledger.recover()
        rejudged = judge_answers(ledger, self.prompts.prompts)
        lanes = self._plan(ledger, prices)
        tally = Tally({queue.model.name: len(queue.asks) for lane in lanes for queue in lane.queues})
        stopped = None
        if tally.wanted:
            allow_open_files(sum(lane.slots for lane in lanes))
            with set_aside(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
                stopped = runner.run(self._ask(ledger, lanes, prices, tally, console))
        judge_answers(ledger, self.prompts.prompts)
        write_label_set(ledger, self.out)
        return Summary(
            out=str(self.out),
            models=self._models(ledger, lanes, tally),
            rejudged=rejudged,
            found=found,
            maybe_paid=ledger.maybe_paid(),
            in_flight=ledger.in_flight(),
            spent_usd=ledger.spent_usd(),
            stopped=stopped,
        )

    async def _ask(
        self, ledger: Ledger, lanes: Sequence[Lane], prices: PriceTable, tally: Tally, console: Console
    ) -> str | None:
        """Run the collector; what stopped it early, if anything did."""
        stopped: list[str] = []
        budget = Budget(self.budget_usd, ledger.spent_usd())
        # many slots share each commit, few should not wait for one another
        thread = LedgerThread(ledger, min(LONGEST_LINGER_S, LINGER_S_A_SLOT * sum(lane.slots for lane in lanes)))
        async with OpenPool(with_concurrency(self.pool, self.concurrency)) as pool, shown(tally, console):
            collector = Collector(pool, lanes, self.terms, thread, budget, Costs(prices), tally, self.grace_s)

            def stop(signal_name: str) -> None:
                stopped.append(signal_name)
                collector.stop()

            thread.start()
            try:
                with told_to_stop(stop):
                    await collector.run()
            finally:
                await thread.close()
        return stopped[0] if stopped else "budget" if budget.reached else None

    def _models(self, ledger: Ledger, lanes: Sequence[Lane], tally: Tally) -> dict[str, ModelSummary]:
        states = ledger.states()
        wanted = len(self.prompts.prompts) * self.terms.samples
        done = {name: 0 for name in self.pool.names}
        known = {one.prompt_id for one in self.prompts.prompts}
        for key, state in states.items():
            if state == "done" and key.model in done and key.sample < self.terms.samples and key.prompt_id in known:
                done[key.model] += 1
        queues = {queue.model.name: queue for lane in lanes for queue in lane.queues}
        return {
            name: summarise(
                ledger,
                name,
                wanted=wanted,
                missing=wanted - done[name],
                asked=tally.models[name].done + tally.models[name].failed.total(),
                given_up=None if queues[name].given_up is None else str(queues[name].given_up),
            )
            for name in self.pool.names
        }


def _refuse_unbounded(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        for queue in lane.queues:
            for ask in queue.asks:
                if ask.reserved_usd is None:
                    raise ValueError(
                        f"prompt {ask.key.prompt_id!r} holds images, audio or files, whose tokens have no known bound; "
                        "leave it or --budget out"
                    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
