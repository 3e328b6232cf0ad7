"""A summary as a person reads it."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from anabranch.data.collection.ledger import MaybePaid
from anabranch.data.collection.summary import ModelSummary, Summary


def render(summary: Summary) -> Table:
    """One row a model."""
    table = Table(title=f"labels in {summary.out}", box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for column in ("asked", "done", "missing", "quality", "USD", "tokens in", "out", "p50, s"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, model in summary.models.items():
        table.add_row(name, *_cells(model))
    return table


def _cells(model: ModelSummary) -> tuple[str, ...]:
    return (
        str(model.asked),
        str(model.done),
        str(model.missing),
        "n/a" if model.quality is None else f"{model.quality:.4f}",
        usd(model.cost_usd),
        str(model.prompt_tokens),
        str(model.completion_tokens),
        "n/a" if model.latency_s is None else f"{model.latency_s:.3f}",
    )


def usd(value: float | None) -> str:
    """An amount, or that it is not known.

    >>> usd(0.25), usd(None)
    ('0.250000', '?')
    """
    return "?" if value is None else f"{value:.6f}"


def advice(summary: Summary) -> Iterator[str]:
    """What else there is to know, and what to do."""
    models = summary.models.values()
    if summary.found.requests:
        yield f"an earlier run left {_paid(summary.found)}; they were asked again"
    if summary.in_flight.requests:
        yield f"this run left {_paid(summary.in_flight)}"
    if summary.maybe_paid.requests:
        yield f"maybe paid without an answer, over all runs: {_paid(summary.maybe_paid)}"
    if unpriced := sum(model.unpriced for model in models):
        yield f"{unpriced} answers have no known cost"
    if unjudged := sum(model.unjudged for model in models):
        yield f"{unjudged} answers are not judged: no judge, or no reference"
    if summary.rejudged:
        yield f"{summary.rejudged} stored answers were judged again"
    for name, model in summary.models.items():
        if model.failed:
            yield f"{name} failed: {', '.join(f'{number} {kind}' for kind, number in model.failed.items())}"
        if model.given_up is not None:
            yield f"{name} was given up: {model.given_up}"
    yield from _what_next(summary)


def _paid(paid: MaybePaid) -> str:
    most = "an unknown amount" if paid.usd is None else f"at most {paid.usd:.6f} USD"
    return f"{paid.requests} requests without an answer, {most}"


def _what_next(summary: Summary) -> Iterator[str]:
    if summary.complete:
        return
    if summary.stopped == "budget":
        yield f"stopped at the budget, {summary.spent_usd:.6f} USD spent; go on with a larger --budget"
    elif summary.stopped is not None:
        yield f"stopped by {summary.stopped}; run the same command again to go on"
    if any(model.failed for model in summary.models.values()):
        yield "what failed is asked again with --retry-failed"
