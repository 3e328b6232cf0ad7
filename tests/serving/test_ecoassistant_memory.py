"""What EcoAssistant solved before, and to whom it is shown."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from anabranch.serving.demonstrations import Demonstrations, Floats, Keeping, Track, open_demonstrations
from anabranch.serving.refused import Refused
from anabranch.upstreams import errors
from tests.serving.assistants import BAD, DONE, GOOD, NO, YES, code, eco, flock, said
from tests.serving.birds import Say, calls_of, chat
from tests.serving.cascades import run


def encode(texts: Sequence[str]) -> Floats:
    """The first word is a number of degrees."""
    angles = np.radians([float(text.split()[0]) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Demonstrations]:
    store = open_demonstrations(tmp_path / "store", encode, "circle", Keeping(evict_after=2, evict_below=0.5))
    yield store
    store.close()


def test_what_was_solved_is_shown_to_tasks_like_it_in_the_first_message_only(store: Demonstrations) -> None:
    solver = eco(demonstrations=store)
    run(solver.complete(calls_of(flock(wren=[GOOD, Say(DONE)]), chat("0 apples"))))
    assert store.track("0 apples") == Track(0, 0)
    near = flock([NO, YES], wren=[code("print(1)"), Say(DONE)], jay=[code("print(3)"), Say(DONE)])
    run(solver.complete(calls_of(near, chat("20 pears"))))
    for name in ("wren", "jay"):
        for request in near[name].requests:
            assert "<example>\n0 apples\n</example>\n<code>\nprint(2 + 2)\n</code>" in said(request, 0)
            assert all("apples" not in said(request, place) for place in range(1, len(request.messages)))
        assert said(near[name].requests[0]).endswith("The task:\n20 pears")
    assert "apples" not in str(near["owl"].requests)
    assert store.track("0 apples") == Track(2, 1)  # it helped the jay and not the wren
    far = flock(wren=[Say(DONE)])
    run(solver.complete(calls_of(far, chat("120 plums"))))
    assert "<example>" not in said(far["wren"].requests[0])
    assert (len(store), store.track("120 plums")) == (2, None)  # no code, nothing to show


def test_it_is_kept_only_if_it_was_found_good(store: Demonstrations) -> None:
    birds = flock([NO], wren=[GOOD, Say(DONE)], jay=[BAD, Say(DONE)])
    with pytest.raises(Refused):
        run(eco(demonstrations=store).complete(calls_of(birds, chat("0"))))
    assert len(store) == 0


def test_a_solution_that_misleads_is_removed(store: Demonstrations) -> None:
    """Of two assistants that saw it none succeeded."""
    store.add("0 apples", "print('poison')")
    birds = flock([NO], wren=[GOOD, Say(DONE)], jay=[BAD, Say(DONE)])
    with pytest.raises(Refused):
        run(eco(demonstrations=store).complete(calls_of(birds, chat("5 pears"))))
    assert len(store) == 0


def test_an_upstream_that_fails_is_no_fault_of_the_demonstration(store: Demonstrations) -> None:
    store.add("0 apples", "print(1)")
    birds = flock(wren=[Say("", breaks=errors.RateLimited("far", "answered 429"))], jay=[Say(DONE)])
    run(eco(demonstrations=store).complete(calls_of(birds, chat("5 pears"))))
    assert store.track("0 apples") == Track(1, 1)


def test_an_answer_is_not_lost_with_a_full_disk(store: Demonstrations, caplog: pytest.LogCaptureFixture) -> None:
    store._connection.execute("PRAGMA query_only = ON")
    solver = eco(demonstrations=store)
    assert run(solver.complete(calls_of(flock(wren=[GOOD, Say(DONE)]), chat("0 apples")))).text == "It is 4."
    assert "readonly" in caplog.text and "apples" not in caplog.text


def test_a_task_is_not_lost_if_the_memory_cannot_be_read(
    store: Demonstrations, caplog: pytest.LogCaptureFixture
) -> None:
    """The encoder gives another width than that of what is kept."""
    store.add("0 apples", "print(4)")
    store._encode = lambda texts: np.ones((len(texts), 3), np.float32)
    assert (
        run(eco(demonstrations=store).complete(calls_of(flock(wren=[Say(DONE)]), chat("5 pears")))).text == "It is 4."
    )
    assert "use its own encoder" in caplog.text and "pears" not in caplog.text


def test_a_slow_encoder_holds_nobody_up(tmp_path: Path) -> None:
    going: list[bool] = []

    async def use(store: Demonstrations, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()

        def slow(texts: Sequence[str]) -> Floats:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(5)  # only a loop that is free does it
            going.append(True)
            return encode(texts)

        store._encode = slow
        await eco(demonstrations=store, threads=threads).complete(calls_of(flock(wren=[GOOD, Say(DONE)]), chat("0")))

    store = open_demonstrations(tmp_path / "store", encode, "circle")
    with ThreadPoolExecutor(1) as threads:
        run(use(store, threads))
    store.close()
    assert going == [True, True]
