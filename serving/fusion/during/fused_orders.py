"""What a request orders of several models that write one text."""

import time
from collections.abc import Sequence
from contextlib import suppress

from anabranch.data.routing_text import routing_text
from anabranch.serving.fusion.during.fused_order import FusedOrder
from anabranch.serving.fusion.during.weights import FIELD, shares
from anabranch.upstreams.errors import BadRequest
from anabranch.upstreams.local.completion import Order
from anabranch.upstreams.local.threaded import Orders
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request


class FusedOrders:
    """Each model reads the request in its own template; the text is as long as the model with the least room allows.

    Args:
        name: of the upstream, for errors.
        members: M, of each model.
        weights: M, of requests that have none of their own; they sum to 1.
        end: the symbol that ends a text.
        deadline_s: after which a text ends where it is, counted from its order on.
        routes: whether a router weighs the members of requests that have no weights of their own.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Orders],
        weights: Sequence[float],
        end: int,
        deadline_s: float = float("inf"),
        routes: bool = False,
    ) -> None:
        self._name, self._members, self._weights, self._end = name, tuple(members), tuple(weights), end
        self._deadline_s, self._routes = deadline_s, routes

    def chat(self, request: Request, streams: bool) -> FusedOrder:
        """The answer to a chat; raises `BadRequest` if any of the models cannot give it."""
        return self._fused([member.chat(request, streams) for member in self._members], request)

    def text(self, request: TextRequest, streams: bool) -> FusedOrder:
        """The continuation of a text; raises `BadRequest` if any of the models cannot give it."""
        return self._fused([member.text(request, streams) for member in self._members], request)

    def _fused(self, orders: Sequence[Order], request: Request | TextRequest) -> FusedOrder:
        first = orders[0]
        if first.echo is not None and first.top is not None:
            raise BadRequest(self._name, "does not score prompts; ask for no echo, or for no log-probabilities")
        return FusedOrder(
            prompt=first.prompt,
            max_tokens=min(order.max_tokens for order in orders),
            sampling=first.sampling,
            stops=first.stops,
            ends=frozenset({self._end}),
            top=first.top,
            echo=first.echo,
            streams=first.streams,
            prompts=tuple(tuple(order.prompt) for order in orders),
            weights=self._weights_of(request),
            routing_text=_routing_text(request) if self._routes and request.extra.get(FIELD) is None else None,
            until_s=time.monotonic() + self._deadline_s,
        )

    def _weights_of(self, request: Request | TextRequest) -> tuple[float, ...]:
        wanted = request.extra.get(FIELD)
        if wanted is None:
            return self._weights
        if not isinstance(wanted, list | tuple) or not all(type(one) in (int, float) for one in wanted):
            raise BadRequest(self._name, f"was given {FIELD} {wanted!r}; give a list of {len(self._weights)} numbers")
        try:
            return shares(wanted, len(self._weights))
        except ValueError as error:
            raise BadRequest(self._name, f"was given {FIELD}: {error}") from None


def _routing_text(request: Request | TextRequest) -> str | None:
    """What a router reads; None of a prompt of ids, and of a chat in which no user says anything."""
    if isinstance(request, TextRequest):
        return request.prompt if isinstance(request.prompt, str) else None
    with suppress(ValueError):
        return routing_text(request.messages)
    return None
