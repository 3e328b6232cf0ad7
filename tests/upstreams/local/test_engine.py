from collections import deque
from collections.abc import Collection, Sequence

import pytest
import torch
from torch import Tensor

from anabranch.upstreams.errors import Closed, Overloaded, UpstreamError
from anabranch.upstreams.local.batch import Prefill
from anabranch.upstreams.local.cache import swap_out
from anabranch.upstreams.local.completion import Completion, Order
from anabranch.upstreams.local.engine import Engine
from anabranch.upstreams.local.pieces import Piece


class CountedPrefill:
    def __init__(self, batch: "CountingBatch", prompts: Sequence[Sequence[int]]) -> None:
        longest = max(map(len, prompts))
        self.ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        self.done = 0
        self.batch = batch

    def advance(self, columns: int, every: bool) -> Tensor:
        ids = self.ids[:, self.done : self.done + columns]
        self.done += ids.shape[1]
        logits = self.batch.predict(f"read {ids.shape[0]} x {ids.shape[1]}", ids)
        return logits if every else logits[:, -1]


class CountingBatch:
    """A model that counts: after token n comes n + 1; it keeps a diary and fails when it is told to."""

    def __init__(self, capacity: int = 4) -> None:
        self.capacity = capacity
        self.rows: list[int] = []  # the last token of each
        self.diary: list[str] = []
        self.failures: dict[str, Exception] = {}

    def predict(self, doing: str, ids: Tensor) -> Tensor:
        self.diary.append(doing)
        if doing in self.failures:
            raise self.failures.pop(doing)
        return torch.nn.functional.one_hot(ids + 1, 300).float()

    def prefill(self, prompts: Sequence[Sequence[int]]) -> CountedPrefill:
        return CountedPrefill(self, prompts)

    def join(self, prefill: Prefill, without: Collection[int]) -> None:
        joined = [int(row[-1]) for row in prefill.ids]
        swap_out(joined, without)
        self.rows += joined

    def step(self, tokens: Sequence[int]) -> Tensor:
        assert [token - 1 for token in tokens] == self.rows  # what each row is told is what it predicted
        self.rows = list(tokens)
        return self.predict(f"step {len(tokens)}", torch.tensor(tokens))

    def drop(self, rows: Collection[int]) -> None:
        swap_out(self.rows, rows)

    def clear(self) -> None:
        self.rows = []


class Caller:
    """Someone who waits for a completion of numbers, each written in words as 'n '."""

    def __init__(self, prompt: Sequence[int], max_tokens: int) -> None:
        self.got: list[Piece | UpstreamError] = []
        order = Order(prompt, max_tokens, streams=True)
        self.completion = Completion(order, lambda ids: "".join(f"{token} " for token in ids), self.got.append)

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.got if isinstance(piece, Piece))

    @property
    def error(self) -> UpstreamError | None:
        return next((item for item in self.got if isinstance(item, UpstreamError)), None)


def run(engine: Engine, callers: Sequence[Caller], turns: int = 1000) -> None:
    waiting = deque(caller.completion for caller in callers)
    while turns and (waiting or not engine.idle):
        engine.turn(waiting)
        turns -= 1


def test_a_completion_runs_to_its_end() -> None:
    """The first token comes from the prompt, the other two from a step each."""
    batch, caller = CountingBatch(), Caller([7, 8], 3)
    run(Engine("tiny", batch, 16), [caller])
    assert caller.text == "9 10 11 "
    assert batch.diary == ["read 1 x 2", "step 1", "step 1"]
    assert [piece.end for piece in caller.got if isinstance(piece, Piece)][:2] == [None, None]


def test_completions_join_and_leave_between_steps() -> None:
    batch = CountingBatch(capacity=2)
    callers = [Caller([10], 2), Caller([20], 4), Caller([30], 2), Caller([40], 1)]
    run(Engine("tiny", batch, 16), callers)
    assert [caller.text for caller in callers] == ["11 12 ", "21 22 23 24 ", "31 32 ", "41 "]
    assert batch.diary == ["read 2 x 1", "step 2", "read 1 x 1", "step 2", "read 1 x 1", "step 1"]


def test_a_long_prompt_does_not_halt_the_others() -> None:
    """9 tokens in turns of 4 are read in three; the other writes in each of them."""
    batch, engine = CountingBatch(), None
    short, long = Caller([10], 9), Caller(range(50, 59), 1)
    engine = Engine("tiny", batch, 4)
    run(engine, [short, long])
    assert batch.diary[:7] == ["read 1 x 1", "step 1", "read 1 x 4", "step 1", "read 1 x 4", "step 1", "read 1 x 1"]
    assert long.text == "59 "
    assert short.text == "".join(f"{number} " for number in range(11, 20))


def test_prompts_are_read_together_as_far_as_a_turn_allows() -> None:
    """Two prompts of 3 padded are 6 tokens; a third would make 9."""
    batch = CountingBatch()
    run(Engine("tiny", batch, 8), [Caller([1, 2, 3], 1), Caller([4], 1), Caller([5], 1)])
    assert batch.diary == ["read 2 x 3", "read 1 x 1"]


def test_who_came_first_is_served_first() -> None:
    """A short prompt behind a long one waits, though it would fit."""
    batch = CountingBatch(capacity=1)
    first, second = Caller(range(10, 18), 1), Caller([3], 1)
    run(Engine("tiny", batch, 4), [first, second])
    assert batch.diary == ["read 1 x 4", "read 1 x 4", "read 1 x 1"]


def test_a_cancelled_completion_frees_its_row() -> None:
    batch = CountingBatch(capacity=1)
    engine, first, second = Engine("tiny", batch, 4), Caller([10], 100), Caller([20], 2)
    waiting = deque([first.completion, second.completion])
    engine.turn(waiting)
    assert len(waiting) == 1
    first.completion.cancelled = True
    engine.turn(waiting)
    assert batch.rows == []
    assert (first.text, second.text) == ("11 12 ", "21 22 ")


def test_a_completion_cancelled_while_its_prompt_is_read_is_not_read_on() -> None:
    batch = CountingBatch(capacity=1)
    engine, first = Engine("tiny", batch, 4), Caller(range(10, 30), 5)
    engine.turn(deque([first.completion]))
    first.completion.cancelled = True
    engine.turn(deque())
    assert engine.idle
    assert batch.diary == ["read 1 x 4"]


def test_one_cancelled_while_waiting_is_never_read() -> None:
    batch, caller = CountingBatch(), Caller([10], 5)
    caller.completion.cancelled = True
    run(Engine("tiny", batch, 4), [caller])
    assert batch.diary == []


def test_a_prompt_that_cannot_be_read_fails_alone() -> None:
    batch = CountingBatch()
    batch.failures["read 1 x 3"] = torch.OutOfMemoryError("no room")
    callers = [Caller([10], 4), Caller([1, 2, 3], 1), Caller([20], 2)]
    run(Engine("tiny", batch, 3), callers)
    assert isinstance(callers[1].error, Overloaded)
    assert "ran out of memory" in str(callers[1].error)
    assert [caller.text for caller in callers] == ["11 12 13 14 ", "", "21 22 "]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "ran out of memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "ran out of memory",
        ),
        (ZeroDivisionError("secret"), "failed with ZeroDivisionError"),
    ],
)
def test_a_step_that_fails_reaches_everybody_and_the_engine_goes_on(error: Exception, says: str) -> None:
    batch = CountingBatch()
    batch.failures["step 3"] = error
    engine, callers = Engine("tiny", batch, 16), [Caller([10], 5), Caller([20], 5), Caller([30], 5)]
    run(engine, callers)
    for caller in callers:
        assert isinstance(caller.error, Overloaded)
        assert says in str(caller.error)
        assert "secret" not in str(caller.error)
    later = Caller([40], 2)
    run(engine, [later])
    assert later.text == "41 42 "


def test_end_all_reaches_those_who_run_and_those_who_arrive() -> None:
    engine, running, arriving = Engine("tiny", CountingBatch(), 4), Caller([10], 100), Caller(range(20), 1)
    run(engine, [running, arriving], turns=2)
    engine.end_all(Closed("tiny", "was closed"))
    assert engine.idle
    assert isinstance(running.error, Closed)
    assert isinstance(arriving.error, Closed)
