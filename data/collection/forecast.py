"""What a collection would ask and cost, found out without asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anabranch.data.collection.bounds import likely_prompt_tokens
from anabranch.data.collection.lanes import Lane, ModelQueue
from anabranch.data.collection.ledger import Ledger
from anabranch.data.collection.terms import Terms
from anabranch.data.prices import PriceTable


@dataclass(frozen=True)
class ModelForecast:
    """One model.

    Args:
        requests: that would go out, retries aside.
        prompt_tokens: an estimate, characters / 4.
        completion_tokens: an estimate from this model's earlier answers, else the bound by max_tokens; None if
            neither is known.
        estimated_usd: of these tokens; None if not known.
        most_usd: an upper bound; None if not known.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int | None
    estimated_usd: float | None
    most_usd: float | None


def forecast(
    lanes: Sequence[Lane], ledger: Ledger, terms: Terms, prices: PriceTable | None
) -> dict[str, ModelForecast]:
    """What the lanes hold, by model."""
    query = "SELECT model, avg(completion_tokens) FROM answers WHERE state = 'done' GROUP BY model"
    seen: Mapping[str, float | None] = dict(ledger.execute(query))
    return {
        queue.model.name: _forecast(queue, seen.get(queue.model.name), terms, prices)
        for lane in lanes
        for queue in lane.queues
    }


def _forecast(queue: ModelQueue, seen: float | None, terms: Terms, prices: PriceTable | None) -> ModelForecast:
    prompt_tokens = [likely_prompt_tokens(ask.prompt.messages) for ask in queue.asks]
    each = terms.max_tokens_of(queue.model) if seen is None else seen
    estimated_usd = None
    if each is not None and prices is not None and queue.model.name in prices.entries:
        estimated_usd = float(prices.usd(queue.model.name, prompt_tokens, each).sum())
    bounds = [ask.reserved_usd for ask in queue.asks]
    known = [usd for usd in bounds if usd is not None]
    return ModelForecast(
        requests=len(queue.asks),
        prompt_tokens=round(sum(prompt_tokens)),
        completion_tokens=None if each is None else round(each * len(queue.asks)),
        estimated_usd=estimated_usd,
        most_usd=sum(known) if len(known) == len(bounds) else None,
    )
