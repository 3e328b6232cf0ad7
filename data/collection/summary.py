"""What a collection came to, for a person and for a machine."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from anabranch.data.collection.ledger import Ledger, MaybePaid


@dataclass(frozen=True)
class ModelSummary:
    """One model, over all runs.

    Args:
        wanted: answers that this run's prompts and samples need.
        missing: of those, not there.
        asked: answers asked for in this run.
        done: answers in the ledger, those to other prompts included.
        failed: failures in the ledger, by the error's name.
        quality: mean of the judged answers; None if there is none.
        unjudged: answers without a quality.
        cost_usd: sum of the known costs; None if none is known.
        unpriced: answers whose cost is not known.
        prompt_tokens: sum of the known counts.
        completion_tokens: sum of the known counts.
        latency_s: median; None without answers.
        given_up: why the model was asked no more; None if it was not given up.
    """

    wanted: int
    missing: int
    asked: int
    done: int
    failed: Mapping[str, int]
    quality: float | None
    unjudged: int
    cost_usd: float | None
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    latency_s: float | None
    given_up: str | None


@dataclass(frozen=True)
class Summary:
    """A whole collection.

    Args:
        out: the label set's folder.
        models: by name.
        rejudged: stored answers that were judged again.
        found: what an earlier run had left in flight.
        maybe_paid: all that may have been paid without an answer, over all runs.
        in_flight: what this run left in flight.
        spent_usd: the most that all runs spent.
        stopped: budget, SIGINT or SIGTERM; None if nothing stopped the run early.
    """

    out: str
    models: Mapping[str, ModelSummary]
    rejudged: int
    found: MaybePaid
    maybe_paid: MaybePaid
    in_flight: MaybePaid
    spent_usd: float
    stopped: str | None

    @property
    def complete(self) -> bool:
        """Whether every answer that was wanted is there."""
        return all(model.missing == 0 for model in self.models.values())


def summarise(ledger: Ledger, model: str, wanted: int, missing: int, asked: int, given_up: str | None) -> ModelSummary:
    """One model's rows of the ledger, added up."""
    done, quality, judged, cost_usd, priced, prompt_tokens, completion_tokens = ledger.execute(
        "SELECT count(*), avg(quality), count(quality), sum(cost_usd), count(cost_usd), "
        "total(prompt_tokens), total(completion_tokens) FROM answers WHERE state = 'done' AND model = ?",
        (model,),
    )[0]
    latencies = ledger.execute(
        "SELECT latency_s FROM answers WHERE state = 'done' AND model = ? AND latency_s IS NOT NULL", (model,)
    )
    failed = ledger.execute(
        "SELECT error, count(*) FROM answers WHERE state = 'failed' AND model = ? GROUP BY error", (model,)
    )
    return ModelSummary(
        wanted=wanted,
        missing=missing,
        asked=asked,
        done=done,
        failed=dict(failed),
        quality=quality,
        unjudged=done - judged,
        cost_usd=cost_usd,
        unpriced=done - priced,
        prompt_tokens=int(prompt_tokens),
        completion_tokens=int(completion_tokens),
        latency_s=statistics.median(value for (value,) in latencies) if latencies else None,
        given_up=given_up,
    )
