"""Who is asked next: a lane an upstream, a queue a model."""

import inspect
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch.data.collection.entries import Key
from anabranch.data.collection.prompts import Prompt
from anabranch.registry import resolve
from anabranch.upstreams.errors import Unauthorised, UnknownModel, Unreachable, UpstreamError
from anabranch.upstreams.pool import Pool, PoolModel
from anabranch.upstreams.registry import UPSTREAMS

PATIENCE = 20
LASTING = (Unauthorised, UnknownModel, Unreachable)
AT_ONCE = ("concurrency", "max_batch")  # what kinds of upstream call the number of calls they take at once
SLOTS = 8  # of those that do not say


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer to ask for.

    Args:
        key: the row of the ledger.
        prompt: what is asked.
        reserved_usd: the most that one request may cost; None if not known.
    """

    key: Key
    prompt: Prompt
    reserved_usd: float | None


@dataclass
class ModelQueue:
    """What is still to be asked of one model.

    Args:
        model: of the pool.
        asks: in their order.
        patience: failures in a row, of a kind that does not pass, after which the model is given up.
    """

    model: PoolModel
    asks: deque[Ask]
    patience: int = PATIENCE
    in_flight: int = 0
    given_up: UpstreamError | None = None
    _failures: int = 0

    @property
    def waits(self) -> bool:
        """Whether there is something to ask."""
        return bool(self.asks) and self.given_up is None

    def answered(self) -> None:
        """The model lives."""
        self._failures = 0

    def failed(self, error: UpstreamError) -> None:
        """Count a failure; too many in a row that will not pass, and the model is given up."""
        self._failures = self._failures + 1 if isinstance(error, LASTING) else 0
        if self._failures >= self.patience and self.given_up is None:
            self.given_up = error


@dataclass
class Lane:
    """The models of one upstream, which share its slots.

    Args:
        upstream: its name in the pool.
        slots: calls at once.
        queues: one a model.
    """

    upstream: str
    slots: int
    queues: list[ModelQueue] = field(default_factory=list)

    def next_queue(self) -> ModelQueue | None:
        """The model with the fewest calls in flight among those with something to ask, so that none starves."""
        return min((queue for queue in self.queues if queue.waits), key=lambda queue: queue.in_flight, default=None)


def with_concurrency(pool: Pool, concurrency: int | None) -> Pool:
    """The pool with so many calls at once to each upstream that can be told.

    Raises:
        ValueError: fewer than 1.
    """
    if concurrency is None:
        return pool
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}; at least 1 request must be in flight")
    upstreams = {
        name: {**settings, **dict.fromkeys(_told_by(settings), concurrency)}
        for name, settings in pool.upstreams.items()
    }
    return pool.model_copy(update={"upstreams": upstreams})


def slots_of(settings: Mapping[str, Any], concurrency: int | None, models: int = 1) -> int:
    """How many calls an upstream takes at once, by its settings in the pool.

    >>> slots_of({"kind": "openai-compatible"}, None), slots_of({"concurrency": 7}, None)
    (64, 7)

    Each model that runs here has a batch of its own:

    >>> slots_of({"kind": "pocket"}, None, models=4)
    128
    """
    for name, default in _told_by(settings).items():
        return int(settings.get(name, default)) * (models if name == "max_batch" else 1)
    return concurrency or SLOTS


def _told_by(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The setting that says how many calls an upstream takes at once, and its default; empty if there is none."""
    kind = resolve(str(settings.get("kind", "openai-compatible")), UPSTREAMS, "kind of upstream")
    parameters = inspect.signature(kind).parameters
    return {name: parameters[name].default for name in AT_ONCE if name in parameters}
