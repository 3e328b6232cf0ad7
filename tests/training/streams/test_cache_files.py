import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anabranch.training.streams import cache_files, kept_cache
from anabranch.training.streams.cache_files import load_cache, save_cache
from anabranch.training.streams.kept_cache import KeptCache
from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import Decision, NeuralCache
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.settings import CacheSettings
from tests.training.streams.worlds import clusters

STREAM = clusters(90, 0)


ROOT = Path(__file__).parents[3]
CHILD = """
import sys
from pathlib import Path
from anabranch.training.streams.kept_cache import KeptCache
from tests.training.streams.test_cache_files import fresh, go_on

kept = KeptCache(fresh(), Path(sys.argv[1]))
for row in range(90):
    go_on(kept, range(row, row + 1))
    print(row, flush=True)
"""


def fresh(rule: str = "margin") -> NeuralCache:
    return NeuralCache(6, CacheSettings(40, 90, rule, n_init=10, retrain_every=7, explore=0.2, window=20))


def go_on(cache: NeuralCache | KeptCache, rows: range) -> list[Decision]:
    """Settle these queries of the stream."""
    made = []
    for row in rows:
        made.append(cache.decide(STREAM.embedding[row]))
        cache.settle(STREAM.embedding[row], made[-1], STREAM.lessons[row] if made[-1].call else None)
    return made


def said(decisions: list[Decision]) -> list[str]:
    return [repr(one) for one in decisions]  # NaN equals itself in print


@pytest.mark.parametrize("rule", RULES)
def test_a_loaded_cache_goes_on_with_the_same_decisions(tmp_path: Path, rule: str) -> None:
    cache = fresh(rule)
    go_on(cache, range(45))
    save_cache(cache, tmp_path)
    loaded = load_cache(tmp_path)
    assert said(go_on(loaded, range(45, 90))) == said(go_on(cache, range(45, 90)))
    assert loaded.student_accuracy() == cache.student_accuracy()


def test_a_cache_without_a_lesson_is_saved_too(tmp_path: Path) -> None:
    save_cache(fresh(), tmp_path)
    assert said(go_on(load_cache(tmp_path), range(90))) == said(go_on(fresh(), range(90)))


def test_samples_that_differ_come_back(tmp_path: Path) -> None:
    cache = fresh()
    cache.settle(STREAM.embedding[0], cache.decide(STREAM.embedding[0]), Lesson("b", {"a": 1, "b": 2}))
    save_cache(cache, tmp_path)
    assert load_cache(tmp_path).stored.targets(2).tolist() == cache.stored.targets(2).tolist() == [[1 / 3, 2 / 3]]


@pytest.mark.parametrize("settled", [1, 6, 7, 8, 25, 60, 90])
def test_a_process_that_ends_between_queries_loses_none(tmp_path: Path, settled: int) -> None:
    """Nothing is closed or saved at the end: what `settle` has returned from is there."""
    before = go_on(KeptCache(fresh(), tmp_path), range(settled))
    after = go_on(KeptCache.reopened(tmp_path), range(settled, 90))
    assert said(before + after) == said(go_on(fresh(), range(90)))


@pytest.mark.parametrize("told", [5, 23])
def test_a_process_that_is_killed_loses_nothing_that_it_told(tmp_path: Path, told: int) -> None:
    """SIGKILL, wherever it happens to be after the query was told settled."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        for _ in range(told):
            child.stdout.readline()
        child.kill()
        left = len(child.stdout.readlines())
    seen = load_cache(tmp_path).seen
    assert told + left <= seen <= told + left + 1
    after = go_on(KeptCache.reopened(tmp_path), range(seen, 90))
    assert said(after) == said(go_on(fresh(), range(90)))[seen:]


def test_a_line_that_was_being_written_never_happened(tmp_path: Path) -> None:
    """The journal is cut at each of the last bytes: 13 queries are whole, the 14th was not acknowledged."""
    go_on(KeptCache(fresh(), tmp_path), range(14))
    (journal,) = tmp_path.glob("*.jsonl")
    whole = journal.read_bytes()
    for cut in (1, 2, len(whole.splitlines()[-1])):
        journal.write_bytes(whole[:-cut])
        assert load_cache(tmp_path).seen == 13


@pytest.mark.parametrize("step", range(3))
def test_a_process_that_is_killed_while_saving_leaves_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed before the tensors, before `cache.json`, or before old files are removed; query 7 trains the student and
    so is saved, not journalled. It was not acknowledged, and may be there or not; those before it are."""
    kept = KeptCache(fresh(), tmp_path)
    go_on(kept, range(6))
    write: Callable[[Path, bytes], None] = cache_files._write
    written: list[Path] = []

    def dies(path: Path, contents: bytes) -> None:
        if len(written) == step:
            raise KeyboardInterrupt
        written.append(path)
        write(path, contents)
        if len(written) == step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(cache_files, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        go_on(kept, range(6, 7))
    monkeypatch.undo()
    seen = load_cache(tmp_path).seen
    assert seen == (7 if step == 2 else 6)
    assert said(go_on(KeptCache.reopened(tmp_path), range(seen, 90))) == said(go_on(fresh(), range(90)))[seen:]


def test_after_a_line_that_could_not_be_written_all_is_saved_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptCache(fresh(), tmp_path)
    go_on(kept, range(3))

    def torn(path: Path, line: bytes) -> None:
        with path.open("ab") as file:
            file.write(line[:5])
        raise OSError("no space left on device")

    monkeypatch.setattr(kept_cache, "_append", torn)
    with pytest.raises(OSError, match="no space left"):
        go_on(kept, range(3, 4))
    monkeypatch.undo()
    assert load_cache(tmp_path).seen == 3
    go_on(kept, range(4, 6))
    assert load_cache(tmp_path).seen == 6


def test_old_files_are_removed(tmp_path: Path) -> None:
    go_on(KeptCache(fresh(), tmp_path), range(90))
    (tmp_path / ".cache.json.unfinished").touch()
    save_cache(fresh(), tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".jsonl"}
    assert len(list(tmp_path.iterdir())) <= 3


def test_what_is_no_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no cache: it has no cache\.json"):
        load_cache(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    save_cache(fresh(), tmp_path)
    path = tmp_path / "cache.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(ValueError, match="has schema 99"):
        load_cache(tmp_path)


def test_files_elsewhere_are_not_read(tmp_path: Path) -> None:
    save_cache(fresh(), tmp_path)
    path = tmp_path / "cache.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "saving": "../cache-0-000000000000"}))
    with pytest.raises(ValueError, match="cannot be read"):
        load_cache(tmp_path)


@pytest.mark.parametrize("contents", [None, b"nonsense"])
def test_damaged_tensors_are_refused(tmp_path: Path, contents: bytes | None) -> None:
    save_cache(fresh(), tmp_path)
    (tensors,) = tmp_path.glob("*.safetensors")
    tensors.unlink() if contents is None else tensors.write_bytes(contents)
    with pytest.raises(ValueError, match="does not hold the cache of"):
        load_cache(tmp_path)


def test_a_damaged_line_is_refused_with_its_place(tmp_path: Path) -> None:
    go_on(KeptCache(fresh(), tmp_path), range(3))
    (journal,) = tmp_path.glob("*.jsonl")
    first, *others = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + b"{}\n" + b"".join(others))
    with pytest.raises(ValueError, match="cannot be read after query 1"):
        load_cache(tmp_path)


def test_a_zero_embedding_and_a_wide_one_are_kept(tmp_path: Path) -> None:
    kept = KeptCache(NeuralCache(2, CacheSettings(5, 9)), tmp_path)
    for text in (np.zeros(2), np.array([1e-3, 1e9])):
        kept.settle(text, kept.decide(text))
    assert load_cache(tmp_path).calls == 2
