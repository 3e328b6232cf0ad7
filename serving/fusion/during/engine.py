"""Continuous batching of fused texts: they join between two steps and leave when they end."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.fused_order import FusedOrder
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.errors import Overloaded, UpstreamError
from anabranch.upstreams.local.completion import Completion
from anabranch.upstreams.local.scored import Scored

logger = logging.getLogger(__name__)
PREFILL_TOKENS = 512

Weigh = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""B routing texts to their weights, each M."""


class FusionEngine:
    """The texts of one ensemble, a step of all of them at a time; its tokens are the symbols of the union.

    A turn reads at most `prefill_tokens` of prompts in each model and then takes one step, so that a long prompt slows
    the others down but never halts them. Only a method that looks at prompts beforehand reads each of them at once.

    Args:
        name: of the upstream, for errors.
        members: M names, by which a token says who chose it.
        ensemble: M models.
        step: the method.
        capacity: texts at once.
        weigh: what a router thinks; None for none.
        prefill_tokens: of prompts, padding included, that one turn may read in a model.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[str],
        ensemble: Ensemble,
        step: Step,
        capacity: int,
        weigh: Weigh | None = None,
        prefill_tokens: int = PREFILL_TOKENS,
    ) -> None:
        self._name, self._members = name, tuple(members)
        self._ensemble, self._step, self._capacity, self._weigh = ensemble, step, capacity, weigh
        self._prefill_tokens = prefill_tokens
        self._running: list[tuple[Completion, Text]] = []
        self._reading: list[tuple[Completion, Text]] = []  # whose prompts take several turns; one at the most

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._running and not self._reading

    @torch.inference_mode()
    def turn(self, waiting: deque[Completion]) -> None:
        """Admit who has waited longest, and add a token to each running text."""
        self._leave()
        arriving = self._arriving(waiting)
        if arriving:
            self._admit(arriving)
        self._read_prompts()
        try:
            self._cut_short()
            if self._running:
                self._go_on()
        except Exception as error:
            self.end_all(self._failure(error))
        self._leave()

    def end_all(self, error: UpstreamError) -> None:
        """End every completion with an error."""
        _fail([completion for completion, _ in (*self._running, *self._reading)], error)
        self._leave()

    def _arriving(self, waiting: deque[Completion]) -> list[Completion]:
        """As many of those who have waited longest as one turn can read, or one who takes several turns."""
        found: list[Completion] = []
        longest = 0
        while waiting and not self._reading and len(found) < self._capacity - len(self._running):
            longest = max(longest, _fused(waiting[0]).longest_prompt)
            if found and longest * (len(found) + 1) > self._prefill_tokens:
                break
            one = waiting.popleft()
            if not one.cancelled:
                found.append(one)
        return found

    def _admit(self, arriving: list[Completion]) -> None:
        try:
            orders = self._weighed([_fused(one) for one in arriving])
            for completion, order in zip(arriving, orders, strict=True):
                completion.order = order
            texts = self._ensemble.begin(
                [order.prompts for order in orders],
                [order.weights for order in orders],
                [order.sampling for order in orders],
            )
            for text, order in zip(texts, orders, strict=True):
                text.top = order.top or 0
            self._begin(texts)
        except Exception as error:  # those who are running have not been touched, and go on
            _fail(arriving, self._failure(error))
            return
        self._reading += zip(arriving, texts, strict=True)

    def _read_prompts(self) -> None:
        """Read some of the prompts that take several turns; the others are read with the first step."""
        still = []
        for completion, text in self._reading:
            try:
                long = _fused(completion).longest_prompt > self._prefill_tokens
                if long and not self._ensemble.advance(text, self._prefill_tokens):
                    still.append((completion, text))
                    continue
            except Exception as error:  # those who are running have not been touched, and go on
                completion.fail(self._failure(error))
            else:
                completion.finish_prompt()
            self._running.append((completion, text))
        self._reading = still
        self._leave()

    def _weighed(self, orders: Sequence[FusedOrder]) -> list[FusedOrder]:
        """The orders with the weights that the router gives them, if there is one."""
        texts = {at: order.routing_text for at, order in enumerate(orders) if order.routing_text is not None}
        if self._weigh is None or not texts:
            return [*orders]
        weights = dict(zip(texts, self._weigh([*texts.values()]), strict=True))
        return [
            replace(order, weights=tuple(weights[at])) if at in weights else order for at, order in enumerate(orders)
        ]

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
        over = [text for completion, text in (*self._running, *self._reading) if _is_left(completion)]
        if over:
            self._ensemble.end(over)
            self._running = [one for one in self._running if not _is_left(one[0])]
            self._reading = [one for one in self._reading if not _is_left(one[0])]

    def _failure(self, error: Exception) -> UpstreamError:
        if isinstance(error, UpstreamError):  # of a server, which has said what is wrong
            return error
        logger.error("fused model %r failed", self._name, exc_info=error)
        return Overloaded(self._name, f"failed with {type(error).__name__}, which its log explains")


def _fail(completions: Sequence[Completion], error: UpstreamError) -> None:
    for completion in completions:
        if not completion.over:
            completion.fail(error)


def _is_left(completion: Completion) -> bool:
    return completion.over or completion.cancelled


def _fused(completion: Completion) -> FusedOrder:
    assert isinstance(completion.order, FusedOrder)
    return completion.order
