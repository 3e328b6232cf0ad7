"""Continuous batching of fused texts: they join between two steps and leave when they end."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.errors import Overloaded, UpstreamError
from anabranch.upstreams.local.completion import Completion, Order
from anabranch.upstreams.local.scored import Scored

logger = logging.getLogger(__name__)

Weigh = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""B routing texts to their weights, each M."""


@dataclass(frozen=True)
class FusedOrder(Order):
    """What is wanted of a text that several models write.

    Args:
        prompts: M, what each of them begins with; `prompt` is the first one's.
        weights: M; they sum to 1.
        routing_text: what a router makes other weights of, if there is one; None to leave them.
        until_s: on the monotonic clock, after which nothing is added.
    """

    prompts: tuple[tuple[int, ...], ...] = ()
    weights: tuple[float, ...] = ()
    routing_text: str | None = None
    until_s: float = math.inf

    @property
    def prompt_tokens(self) -> int:
        """Of all models together, as all of them read it."""
        return sum(map(len, self.prompts))


class FusionEngine:
    """The texts of one ensemble, a step of all of them at a time; its tokens are the symbols of the union.

    Args:
        name: of the upstream, for errors.
        members: M names, by which a token says who chose it.
        ensemble: M models.
        step: the method.
        capacity: texts at once.
        weigh: what a router thinks; None for none.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[str],
        ensemble: Ensemble,
        step: Step,
        capacity: int,
        weigh: Weigh | None = None,
    ) -> None:
        self._name, self._members = name, tuple(members)
        self._ensemble, self._step, self._capacity, self._weigh = ensemble, step, capacity, weigh
        self._running: list[tuple[Completion, Text]] = []

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._running

    @torch.inference_mode()
    def turn(self, waiting: deque[Completion]) -> None:
        """Admit who has waited longest, and add a token to each running text."""
        self._leave()
        arriving = [waiting.popleft() for _ in range(min(len(waiting), self._capacity - len(self._running)))]
        arriving = [one for one in arriving if not one.cancelled]
        if arriving:
            self._admit(arriving)
        try:
            self._cut_short()
            if self._running:
                self._go_on()
        except Exception as error:
            self.end_all(self._failure(error))
        self._leave()

    def end_all(self, error: UpstreamError) -> None:
        """End every completion with an error."""
        _fail([completion for completion, _ in self._running], error)
        self._leave()

    def _admit(self, arriving: list[Completion]) -> None:
        try:
            orders = [_fused(one) for one in arriving]
            texts = self._ensemble.begin(
                [order.prompts for order in orders],
                self._weights(orders),
                [order.sampling for order in orders],
            )
            for text, order in zip(texts, orders, strict=True):
                text.top = order.top or 0
            self._begin(texts)
        except Exception as error:  # those who are running have not been touched, and go on
            _fail(arriving, self._failure(error))
            return
        self._running += zip(arriving, texts, strict=True)
        for completion in arriving:
            completion.finish_prompt()
        self._leave()

    def _weights(self, orders: Sequence[FusedOrder]) -> list[Sequence[float]]:
        found: list[Sequence[float]] = [order.weights for order in orders]
        routed = {at: order.routing_text for at, order in enumerate(orders) if order.routing_text is not None}
        if self._weigh is not None and routed:
            for at, weights in zip(routed, self._weigh([*routed.values()]), strict=True):
                found[at] = weights
        return found

    def _begin(self, texts: Sequence[Text]) -> None:
        try:
            self._step.begin(self._ensemble, texts)
        except Exception:
            self._ensemble.end(texts)
            raise

    def _cut_short(self) -> None:
        """End texts whose time is over, or that a model has no room for: that one would fail all of them."""
        now_s = time.monotonic()
        for completion, text in self._running:
            if _fused(completion).until_s <= now_s or not self._ensemble.fits(text):
                completion.cut_short()
        self._leave()

    def _go_on(self) -> None:
        """Add to all texts; if a server fails one of them, to each by itself, since the others are not to blame.

        What the failed step drew is not drawn again, so that `me` may then go on with another model.
        """
        try:
            steps = self._step(self._ensemble, [text for _, text in self._running])
        except UpstreamError as error:
            if len(self._running) == 1:
                raise
            logger.warning("fused model %r: a member failed (%s); its texts go on one by one", self._name, error)
            self._go_on_apart()
            return
        for (completion, text), tokens in zip(self._running, steps, strict=True):
            self._take(completion, text, tokens)

    def _go_on_apart(self) -> None:
        for completion, text in self._running:
            try:
                (tokens,) = self._step(self._ensemble, [text])
            except UpstreamError as error:
                completion.fail(error)
            else:
                self._take(completion, text, tokens)

    def _take(self, completion: Completion, text: Text, tokens: Sequence[Added]) -> None:
        for token in tokens:
            if not completion.over:
                text.written += token.written
                by = tuple(self._members[place] for place in token.by)
                completion.take(Scored(token.symbol, token.logprob, token.top, by), sum(token.computed))

    def _leave(self) -> None:
        over = [text for completion, text in self._running if completion.over or completion.cancelled]
        if over:
            self._ensemble.end(over)
            self._running = [one for one in self._running if not (one[0].over or one[0].cancelled)]

    def _failure(self, error: Exception) -> UpstreamError:
        if isinstance(error, UpstreamError):  # of a server, which has said what is wrong
            return error
        logger.error("fused model %r failed", self._name, exc_info=error)
        return Overloaded(self._name, f"failed with {type(error).__name__}, which its log explains")


def _fail(completions: Sequence[Completion], error: UpstreamError) -> None:
    for completion in completions:
        if not completion.over:
            completion.fail(error)


def _fused(completion: Completion) -> FusedOrder:
    assert isinstance(completion.order, FusedOrder)
    return completion.order
