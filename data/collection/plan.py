"""What is missing: every model's answer to every prompt that the ledger has not got."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from anabranch.data.collection.bounds import Floats, most_prompt_tokens, most_usd
from anabranch.data.collection.entries import Key
from anabranch.data.collection.lanes import Ask, Lane, ModelQueue, slots_of
from anabranch.data.collection.prompts import Prompt
from anabranch.data.collection.terms import Terms
from anabranch.data.prices import PriceTable
from anabranch.upstreams.pool import Pool, PoolModel


def plan(
    pool: Pool,
    prompts: Sequence[Prompt],
    terms: Terms,
    prices: PriceTable | None,
    states: Mapping[Key, str],
    *,
    retry_failed: bool = False,
    concurrency: int | None = None,
) -> list[Lane]:
    """One lane an upstream, with what is to be asked of its models.

    Args:
        pool: whom.
        prompts: what.
        terms: how.
        prices: None if costs are not known.
        states: of the answers that the ledger knows.
        retry_failed: ask again what failed.
        concurrency: for upstreams whose settings do not say.
    """
    settled = {"done"} if retry_failed else {"done", "failed"}
    tokens = np.array([most_prompt_tokens(one.messages) or np.nan for one in prompts])
    served = Counter(model.upstream for model in pool.models)
    lanes = {
        name: Lane(name, slots_of(settings, concurrency, served[name])) for name, settings in pool.upstreams.items()
    }
    for model in pool.models:
        bounds = bounds_usd(model, terms, prices, tokens)
        asks = deque(_missing(model.name, prompts, terms.samples, bounds, states, settled))
        lanes[model.upstream].queues.append(ModelQueue(model, asks))
    return [lane for lane in lanes.values() if lane.queues]


def bounds_usd(model: PoolModel, terms: Terms, prices: PriceTable | None, tokens: Floats) -> list[float | None]:
    """The most that one request for each prompt may cost; None if prices, max_tokens or prompt tokens are not known."""
    max_tokens = terms.max_tokens_of(model)
    if prices is None or max_tokens is None or model.name not in prices.entries:
        return [None] * len(tokens)
    usd = most_usd(prices, model.name, tokens, max_tokens)
    return [None if np.isnan(value) else float(value) for value in usd]


def _missing(
    model: str,
    prompts: Sequence[Prompt],
    samples: int,
    bounds: Sequence[float | None],
    states: Mapping[Key, str],
    settled: set[str],
) -> Iterator[Ask]:
    # sample by sample, so that a collection that stops early has asked each prompt before any prompt twice
    for sample in range(samples):
        for prompt, bound in zip(prompts, bounds, strict=True):
            key = Key(prompt.prompt_id, model, sample)
            if states.get(key) not in settled:
                yield Ask(key, prompt, bound)
