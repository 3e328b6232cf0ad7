"""anabranch data collect"""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.data.collection.collect import Collection
from anabranch.data.collection.forecast import ModelForecast
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.collection.summary import Summary
from anabranch.data.collection.summary_console import advice, render, usd
from anabranch.data.collection.terms import Terms
from anabranch.upstreams.pool import read_pool

EXIT = {"SIGINT": 130, "SIGTERM": 143}


def collect(
    *,
    pool: str,
    prompts: Path,
    out: Path,
    judge: str | None = None,
    models: list[str] | None = None,
    samples: int = 1,
    concurrency: int | None = None,
    max_tokens: int | None = None,
    temperature: float = 0.0,
    budget: float | None = None,
    dry_run: bool = False,
    logprobs: bool = False,
    retry_failed: bool = False,
    no_prices: bool = False,
    grace: float = 10.0,
) -> Answer:
    """Ask every model of a pool for every prompt, judge the answers, and leave a label set; can be killed and resumed.

    Args:
        pool: pool file (YAML), or pocket.
        prompts: label-set folder, .parquet or .jsonl file: prompt_id, prompt or messages, optional reference, judge.
        out: LABELS folder; what its ledger already has is not asked again.
        judge: exact, numeric or multiple-choice, for prompts that name no judge of their own.
        models: only these models of the pool.
        samples: answers a prompt.
        concurrency: requests at once to each upstream; what the pool file says if not given.
        max_tokens: of an answer; what the pool file says if not given.
        temperature: 0 = greedy.
        budget: USD that all runs into this folder may spend together.
        dry_run: say what would be asked and what it would cost; send and write nothing.
        logprobs: keep how sure each model was of its answer.
        retry_failed: ask again what failed in earlier runs.
        no_prices: go on although models have no price; their cost is unknown.
        grace: seconds that answers in flight get after Ctrl-C.
    """
    chosen = read_pool(pool)
    collection = Collection(
        pool=chosen if models is None else chosen.choose(tuple(models)),
        prompts=read_prompts(prompts, judge),
        out=out,
        terms=Terms(samples, temperature, max_tokens, logprobs),
        concurrency=concurrency,
        budget_usd=budget,
        retry_failed=retry_failed,
        no_prices=no_prices,
        grace_s=grace,
    )
    if dry_run:
        forecast = collection.forecast()
        return Answer(_forecast_table(forecast), {name: asdict(model) for name, model in forecast.items()})
    return collected(collection.run(Console(stderr=True)))


def collected(summary: Summary) -> Answer:
    """The summary; the process ends with another code than 0 if labels are missing for any reason but the budget."""
    shown: RenderableType = Group(render(summary), *(Text(line) for line in advice(summary)))
    as_wanted = summary.complete or summary.stopped == "budget"
    code = 0 if as_wanted else EXIT.get(summary.stopped or "", 1)
    return Answer(shown, {**asdict(summary), "complete": summary.complete}, code)


def _forecast_table(forecast: dict[str, ModelForecast]) -> Table:
    table = Table("model", "requests", "prompt tokens, about", "completion tokens, about", "USD, about", "USD, at most")
    for name, model in forecast.items():
        completion = "?" if model.completion_tokens is None else str(model.completion_tokens)
        dollars = (usd(model.estimated_usd), usd(model.most_usd))
        table.add_row(name, str(model.requests), str(model.prompt_tokens), completion, *dollars)
    return table
