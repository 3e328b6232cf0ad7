"""One request and its answer: what headers, logs and usage say about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from anabranch.serving.strategies.record import Call, Record, Waiting, total
from anabranch.upstreams.chat_usage import total_usage
from anabranch.upstreams.upstream import Usage

PREFIX = "x-anabranch-"
PRINTABLE = "".join(map(chr, range(32, 127)))

RawHeaders = list[tuple[bytes, bytes]]


@dataclass
class Exchange:
    """What is known of a request while it is served.

    Args:
        bundle: the id of the bundle that is served; empty for none.
        records: what was done for each of its prompts.
        waiting: the time in upstreams.
        started: of the clock `time.perf_counter`.
        decision_id: names this request in headers and logs.
    """

    bundle: str = ""
    records: list[Record] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    started: float = field(default_factory=perf_counter)
    decision_id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def _calls(self) -> list[Call]:
        return [call for record in self.records for call in record.calls]

    @property
    def model(self) -> str:
        """The arm that served; of several prompts, each arm once."""
        return _joined(record.model for record in self.records)

    @property
    def strategy(self) -> str:
        """Its name."""
        return _joined(record.strategy for record in self.records)

    @property
    def resolved_model(self) -> str:
        """Who answered, as the upstreams say; not who was asked besides."""
        answering = (call for record in self.records for call in record.calls if call.model == record.model)
        return _joined(call.resolved_model for call in answering)

    @property
    def usage(self) -> Usage | None:
        """Of all calls; None while one is not known."""
        return total_usage([call.usage for call in self._calls])

    @property
    def cost_usd(self) -> float | None:
        """Real usage at current prices; None while it is not known."""
        return total([record.cost_usd for record in self.records])

    @property
    def expected_cost_usd(self) -> float | None:
        """Before the answer; None if not known."""
        return total([record.expected_cost_usd for record in self.records])

    def headers(self, *, streamed: bool = False) -> RawHeaders:
        """The `x-anabranch-` headers; those of a stream come before its cost and its attempts are known."""
        values = {
            "decision-id": self.decision_id,
            "bundle": self.bundle,
            "strategy": self.strategy,
            "model": self.model,
            "reason": _joined(record.reason for record in self.records),
            "resolved-model": self.resolved_model,
            "expected-cost-usd": _amount(self.expected_cost_usd),
            "cost-usd": "" if streamed else _amount(self.cost_usd),
            "attempts": "" if streamed else str(sum(call.attempts or 0 for call in self._calls) or ""),
            "overhead-ms": f"{1000 * (perf_counter() - self.started - self.waiting.seconds):.3f}",
        }
        return [header(PREFIX + name, value) for name, value in values.items() if value]

    def fields(self) -> dict[str, Any]:
        """What the usage of a stream says beside the tokens."""
        return {
            "decision_id": self.decision_id,
            "strategy": self.strategy,
            "model": self.model,
            "cost_usd": self.cost_usd,
            "expected_cost_usd": self.expected_cost_usd,
            "calls": [call.fields for call in self._calls],
        }


def header(name: str, value: str) -> tuple[bytes, bytes]:
    """A header as bytes; what does not fit in one is percent-encoded.

    >>> header("x", "a\\r\\nb: é")
    (b'x', b'a%0D%0Ab: %C3%A9')
    """
    plain = value.isascii() and value.isprintable()
    return name.encode(), (value if plain else quote(value, safe=PRINTABLE)).encode()


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(name for name in names if name))


def _amount(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.6g}"
