"""Continuous batching: completions join between two steps and leave when they end; nobody's prefix runs twice."""

import logging
import re
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.upstreams.errors import Overloaded, UpstreamError
from anabranch.upstreams.local.batch import Batch, Prefill
from anabranch.upstreams.local.cache import swap_out
from anabranch.upstreams.local.choice import choose
from anabranch.upstreams.local.completion import Completion
from anabranch.upstreams.local.scores import scored

logger = logging.getLogger(__name__)

NO_MEMORY = re.compile("not enough memory|can't allocate memory")  # a RuntimeError of torch's on a CPU


class Engine:
    """The completions of one model, a step of all of them at a time.

    A turn reads at most `prefill_tokens` of prompts and then takes one step, so that a long prompt slows the others
    down but never halts them.

    Args:
        name: of the upstream, for errors.
        batch: the rows that are being decoded.
        prefill_tokens: of prompts, padding included, that one turn may read.
    """

    def __init__(self, name: str, batch: Batch, prefill_tokens: int) -> None:
        self._name, self._batch, self._prefill_tokens = name, batch, prefill_tokens
        self._running: list[Completion] = []  # one a row of the batch
        self._arriving: list[Completion] = []  # one a row of the prefill
        self._prefill: Prefill | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._running and not self._arriving

    @torch.inference_mode()
    def turn(self, waiting: deque[Completion]) -> None:
        """Admit who has waited longest, read some of their prompts, and write one token of each running completion."""
        try:
            self._leave([row for row, completion in enumerate(self._running) if completion.cancelled])
            self._admit(waiting)
            self._read_prompts()
            self._step()
        except Exception as error:
            self.end_all(self._failure(error))

    def end_all(self, error: UpstreamError) -> None:
        """End every completion with an error."""
        running, self._running = self._running, []
        self._batch.clear()
        _fail(running, error)
        self._turn_away(error)

    def _turn_away(self, error: UpstreamError) -> None:
        arriving, self._arriving, self._prefill = self._arriving, [], None
        _fail(arriving, error)

    def _admit(self, waiting: deque[Completion]) -> None:
        """Let in as many as one turn can read, padded to the longest, or one who takes several turns."""
        if all(completion.cancelled for completion in self._arriving):
            self._arriving, self._prefill = [], None
        longest, free = 0, self._batch.capacity - len(self._running)
        while self._prefill is None and waiting and len(self._arriving) < free:
            longest = max(longest, len(waiting[0].order.prompt))
            if self._arriving and longest * (len(self._arriving) + 1) > self._prefill_tokens:
                break
            completion = waiting.popleft()
            if not completion.cancelled:
                self._arriving.append(completion)

    def _read_prompts(self) -> None:
        if not self._arriving:
            return
        try:
            prefill, logits = self._advance()
        except Exception as error:  # the batch has not been touched, and goes on
            self._turn_away(self._failure(error))
            return
        if prefill.done == prefill.ids.shape[1]:
            self._join(prefill, logits)

    def _advance(self) -> tuple[Prefill, Tensor]:
        """Read some of the prompts; the logits of the last column, (rows, vocabulary)."""
        if self._prefill is None:
            self._prefill = self._batch.prefill([completion.order.prompt for completion in self._arriving])
        begin = self._prefill.done
        every = any(completion.order.scores_prompt for completion in self._arriving)
        logits = self._prefill.advance(self._prefill_tokens, every)
        if every:
            self._score_prompts(self._prefill.ids[:, begin + 1 :], begin, logits)
            logits = logits[:, -1]
        return self._prefill, logits

    def _score_prompts(self, following: Tensor, begin: int, logits: Tensor) -> None:
        """Score what follows each column that was read.

        Args:
            following: ids from the column after `begin` on, (rows, columns).
            begin: the first column that was read.
            logits: (rows, columns, vocabulary).
        """
        for row, completion in enumerate(self._arriving):
            if completion.order.scores_prompt:
                padding = max(0, following.shape[1] + 1 - len(completion.order.prompt)) if begin == 0 else 0
                targets = following[row, padding : logits.shape[1]]
                predictions = logits[row, padding : padding + len(targets)]
                completion.score_prompt(scored(predictions, targets, [completion.order.top] * len(targets)))

    def _join(self, prefill: Prefill, logits: Tensor) -> None:
        """Write the first tokens of those whose prompts were read, and take in those who go on."""
        for completion in self._arriving:
            completion.finish_prompt()
        self._write(self._arriving, logits)
        over = [row for row, completion in enumerate(self._arriving) if completion.over]
        self._batch.join(prefill, over)
        swap_out(self._arriving, over)
        self._running += self._arriving
        self._arriving, self._prefill = [], None

    def _step(self) -> None:
        if self._running:
            self._write(self._running, self._batch.step([completion.last for completion in self._running]))
            self._leave([row for row, completion in enumerate(self._running) if completion.over])

    def _write(self, completions: Sequence[Completion], logits: Tensor) -> None:
        tokens = choose(logits, [completion.order.sampling for completion in completions])
        tops = [completion.order.top for completion in completions]
        for completion, token in zip(completions, scored(logits, tokens, tops), strict=True):
            if not completion.over:
                completion.take(token)

    def _leave(self, rows: list[int]) -> None:
        if rows:
            swap_out(self._running, rows)
            self._batch.drop(rows)

    def _failure(self, error: Exception) -> UpstreamError:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or NO_MEMORY.search(str(error)):
            logger.warning("local model %r ran out of memory", self._name)
            return Overloaded(self._name, "ran out of memory; lower max_batch or prefill_tokens")
        logger.error("local model %r failed", self._name, exc_info=error)
        return Overloaded(self._name, f"failed with {type(error).__name__}, which its log explains")


def _fail(completions: Sequence[Completion], error: UpstreamError) -> None:
    for completion in completions:
        if not completion.over:
            completion.fail(error)
