"""The terms on which models are asked; a ledger is tied to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from anabranch.upstreams.pool import PoolModel
from anabranch.upstreams.upstream import Request


@dataclass(frozen=True)
class Terms:
    """How every model of a pool is asked.

    Args:
        samples: answers a prompt, at least 1.
        temperature: 0 = greedy.
        max_tokens: of an answer; that of the pool's model if None.
        logprobs: ask for the log-probabilities of the answer's tokens.

    Raises:
        ValueError: a number that cannot be.
    """

    samples: int = 1
    temperature: float = 0.0
    max_tokens: int | None = None
    logprobs: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}; at least 1 answer must be asked for")
        if not 0 <= self.temperature <= 2:
            raise ValueError(f"temperature is {self.temperature}; it must lie in [0, 2]")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1")

    def max_tokens_of(self, model: PoolModel) -> int | None:
        """The longest answer of a model; None if only its upstream knows."""
        return self.max_tokens if self.max_tokens is not None else model.max_tokens

    def request(self, model: PoolModel, messages: tuple[Mapping[str, object], ...]) -> Request:
        """What goes out."""
        return Request(
            model=model.served_as,
            messages=messages,
            max_tokens=self.max_tokens_of(model),
            temperature=self.temperature,
            top_logprobs=0 if self.logprobs else None,
        )

    def settings_of(self, model: PoolModel) -> str:
        """What must not change between answers that stand in one ledger, as JSON.

        >>> Terms(max_tokens=9).settings_of(PoolModel(name="owl", upstream="x"))
        '{"served_as":"owl","temperature":0.0,"max_tokens":9}'
        """
        settings = {
            "served_as": model.served_as,
            "temperature": float(self.temperature),
            "max_tokens": self.max_tokens_of(model),
        }
        return orjson.dumps(settings).decode()
