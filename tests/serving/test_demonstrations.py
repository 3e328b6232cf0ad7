"""Solved tasks and their code: the nearest, how they do, and what outlives a killed process."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.serving.demonstrations import (
    Demonstrations,
    DemonstrationsError,
    Floats,
    Keeping,
    Track,
    open_demonstrations,
)

NOWHERE = "nowhere"


def encode(texts: Sequence[str]) -> Floats:
    """A text is a number of degrees on a circle of radius 3, or nowhere."""
    angles = np.radians([0.0 if text == NOWHERE else float(text) for text in texts])
    radius = np.where([text == NOWHERE for text in texts], 0.0, 3.0)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1).astype(np.float32)


def opened(path: Path, **bounds: float) -> Demonstrations:
    return open_demonstrations(path, encode, "circle", Keeping(**bounds))  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Demonstrations]:
    store = opened(tmp_path / "store.sqlite")
    yield store
    store.close()


def test_the_nearest_is_shown_and_only_if_it_is_near(store: Demonstrations) -> None:
    """1 - cos is 1 - cos 30 = 0.134 at 30 degrees, and 0.5 at 60, which is not nearer than 0.5; at 59 it is 0.485."""
    assert store.nearest("0") is None
    store.add("0", "a")
    store.add("90", "b")
    found = store.nearest("30")
    assert found is not None and (found.query, found.code) == ("0", "a")
    assert found.distance == pytest.approx(1 - np.sqrt(3) / 2, abs=1e-6)
    near = store.nearest("149")
    assert near is not None and near.query == "90" and near.distance == pytest.approx(0.485, abs=1e-3)
    assert store.nearest("151") is None
    assert store.nearest("180") is None


@settings(max_examples=25)
@given(st.lists(st.integers(0, 359), min_size=1, max_size=5, unique=True), st.integers(0, 359))
def test_nobody_is_nearer_than_the_nearest(kept: list[int], asked: int) -> None:
    store = open_demonstrations(Path(":memory:"), encode, "circle", Keeping(farthest=2))
    for query in kept:
        store.add(str(query), f"code {query}")
    found = store.nearest(str(asked))
    store.close()
    # all but the opposite are nearer than 2
    apart = {query: abs((query - asked + 180) % 360 - 180) for query in kept}
    if found is None:
        assert min(apart.values()) > 179
    else:
        assert apart[int(found.query)] == min(apart.values()) and found.code == f"code {found.query}"


def test_texts_without_a_direction_are_nobodys_neighbours(store: Demonstrations) -> None:
    store.add(NOWHERE, "a")
    assert len(store) == 0
    store.add("0", "a")
    assert store.nearest(NOWHERE) is None


def test_the_same_query_is_kept_once(store: Demonstrations) -> None:
    """The same code keeps its record; other code begins anew, and what was shown before counts for nobody."""
    store.add("0", "a")
    shown = store.nearest("0")
    assert shown is not None
    store.settle(shown, succeeded=True)
    store.add("0", "a")
    assert (len(store), store.track("0")) == (1, Track(1, 1))
    store.add("0", "b")
    assert (len(store), store.track("0")) == (1, Track(0, 0))
    store.settle(shown, succeeded=True)
    assert store.track("0") == Track(0, 0)
    again = store.nearest("1")
    assert again is not None and again.code == "b"


def test_what_seldom_helps_is_removed(tmp_path: Path) -> None:
    """Below 1/2 after 4: 2 of 4 stays, 2 of 5 = 0.4 goes; 0 of 3 stays, and 1 of 4 goes."""
    store = opened(tmp_path / "store", evict_after=4, evict_below=0.5)
    for query in ("0", "180"):
        store.add(query, "a")
    shown, other = store.nearest("0"), store.nearest("180")
    assert shown is not None and other is not None
    for succeeded in (True, False, True, False):
        store.settle(shown, succeeded=succeeded)
    for _ in range(3):
        store.settle(other, succeeded=False)
    assert (store.track("0"), store.track("180")) == (Track(4, 2), Track(3, 0))
    store.settle(shown, succeeded=False)
    assert store.track("0") is None and store.nearest("0") is None
    store.settle(shown, succeeded=True)  # who still shows it when it is gone changes nothing
    store.settle(other, succeeded=True)
    assert store.track("180") is None and len(store) == 0
    store.add("0", "a")
    assert store.track("0") == Track(0, 0)
    store.close()


def test_the_first_makes_room(tmp_path: Path) -> None:
    store = opened(tmp_path / "store", most=2)
    for query in ("0", "90", "0", "180"):
        store.add(query, "a")
    assert [store.track(query) is None for query in ("0", "90", "180")] == [True, False, False]
    store.close()
    reopened = opened(tmp_path / "store", most=1)
    reopened.add("270", "a")
    assert [reopened.track(query) is None for query in ("90", "180", "270")] == [True, True, False]
    reopened.close()


def test_all_of_it_is_there_again(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.add("0", "naïve\n<code>")
    shown = store.nearest("10")
    assert shown is not None
    store.settle(shown, succeeded=True)
    store.close()
    again = opened(tmp_path / "store")
    assert again.nearest("10") == shown and again.track("0") == Track(1, 1)
    again.close()


WRITES = """
import sys
from pathlib import Path
from tests.serving.test_demonstrations import opened
store = opened(Path(sys.argv[1]))
number = 0
while True:
    store.add(str(number), f"code {number}")
    shown = store.nearest(str(number))
    store.settle(shown, succeeded=True)
    print(number, flush=True)
    number += 1
"""


def test_what_was_acknowledged_outlives_a_killed_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITES, str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)]
        with pytest.raises(DemonstrationsError, match="locked"):
            opened(tmp_path / "store")
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
    store = opened(tmp_path / "store")
    assert said == list(range(len(said)))
    assert len(store) - len(said) in (0, 1)  # one may be written of which nobody was told
    assert all(store.track(str(number)) == Track(1, 1) for number in said)
    store.add("1", "again")
    store.close()


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.add("0", "a")
    store.close()
    with pytest.raises(DemonstrationsError, match="made with encoder 'circle', not 'line'"):
        open_demonstrations(tmp_path / "store", encode, "line")
    wider = open_demonstrations(tmp_path / "store", lambda texts: np.ones((len(texts), 3), np.float32), "circle")
    with pytest.raises(DemonstrationsError, match="embeddings of 2 numbers, and the encoder gives 3"):
        wider.nearest("0")
    wider._connection.execute("PRAGMA user_version = 2")
    wider.close()
    with pytest.raises(DemonstrationsError, match="has version 2"):
        opened(tmp_path / "store")
    (tmp_path / "text").write_text("no database at all" * 99)
    with pytest.raises(DemonstrationsError, match="cannot be used"):
        opened(tmp_path / "text")


def test_a_write_that_fails_changes_nothing(store: Demonstrations) -> None:
    store.add("0", "a")
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(DemonstrationsError, match="readonly"):
        store.add("90", "b")
    assert len(store) == 1 and store.nearest("90") is None
    store._connection.execute("PRAGMA query_only = OFF")
    store.add("90", "b")
    assert len(store) == 2


@pytest.mark.parametrize("bounds", [{"farthest": 0}, {"evict_after": 0}, {"evict_below": 1.1}, {"most": 0}])
def test_bounds_out_of_range_are_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        Keeping(**bounds)  # type: ignore[arg-type]
