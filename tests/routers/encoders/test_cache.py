import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anabranch.routers.encoders.cache import EmbeddingCache
from anabranch.routers.encoders.embed import NotFinite, embed
from anabranch.routers.encoders.hashing import HashingEncoder

TEXTS = [f"text {i} " * (i % 5) for i in range(20)]  # four of them are empty


class Counting(HashingEncoder):
    """Counts the texts it embeds; fails at the one that would be number `limit`."""

    def __init__(self, width: int = 8, limit: int | None = None, **options: int) -> None:
        super().__init__(width, **options)
        self.count, self.limit = 0, limit

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.count += len(input_ids)
        if self.limit is not None and self.count > self.limit:
            raise KeyboardInterrupt
        return super().forward(input_ids, attention_mask)


class Broken(HashingEncoder):
    """Gives NaN for texts of three bytes."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        out = super().forward(input_ids, attention_mask)
        return out.masked_fill(attention_mask.sum(dim=1, keepdim=True) == 3, float("nan"))


def files(folder: Path) -> tuple[Path, Path]:
    (shelf,) = folder.iterdir()
    return shelf / "keys.bin", shelf / "vectors.f32"


def test_embeddings_are_the_encoders_own(tmp_path: Path) -> None:
    encoder = Counting()
    assert np.array_equal(EmbeddingCache(tmp_path).embed(encoder, TEXTS), embed(encoder, TEXTS))


def test_every_text_is_embedded_once(tmp_path: Path) -> None:
    """20 texts, of which the multiples of five are empty: 17 different ones, then one more."""
    cache, encoder = EmbeddingCache(tmp_path), Counting()
    first = cache.embed(encoder, TEXTS)
    assert encoder.count == 17
    again = EmbeddingCache(tmp_path).embed(encoder, [*TEXTS[::-1], "new"])
    assert encoder.count == 18
    assert np.array_equal(again[:20], first[::-1])


def test_no_texts_give_no_rows(tmp_path: Path) -> None:
    assert EmbeddingCache(tmp_path).embed(Counting(), []).shape == (0, 8)


def test_progress_adds_up_to_the_texts(tmp_path: Path) -> None:
    for _ in range(2):
        steps: list[int] = []
        EmbeddingCache(tmp_path, chunk=4).embed(Counting(), TEXTS, progress=steps.append)
        assert sum(steps) == 20


def test_two_encoders_do_not_mix(tmp_path: Path) -> None:
    cache, one, other = EmbeddingCache(tmp_path), Counting(), Counting(seed=1)
    cache.embed(one, TEXTS)
    assert np.array_equal(cache.embed(other, TEXTS), embed(Counting(seed=1), TEXTS))
    assert (one.count, other.count) == (17, 17)
    assert len(list(tmp_path.iterdir())) == 2


def test_files_are_as_documented_and_hold_no_text(tmp_path: Path) -> None:
    encoder = Counting()
    EmbeddingCache(tmp_path).embed(encoder, ["a secret", "another"])
    shelf = tmp_path / encoder.fingerprint[:16]
    assert sorted(path.name for path in shelf.iterdir()) == ["keys.bin", "meta.json", "vectors.f32"]
    keys, vectors = files(tmp_path)
    assert (keys.stat().st_size, vectors.stat().st_size) == (2 * 32, 2 * 8 * 4)
    assert not any(b"secret" in path.read_bytes() for path in shelf.iterdir())


def test_a_stop_loses_at_most_the_chunk(tmp_path: Path) -> None:
    """17 texts in chunks of 4; the encoder stops in the third, so two chunks are kept and 9 texts remain."""
    with pytest.raises(KeyboardInterrupt):
        EmbeddingCache(tmp_path, chunk=4).embed(Counting(limit=11), TEXTS)
    encoder = Counting()
    out = EmbeddingCache(tmp_path, chunk=4).embed(encoder, TEXTS)
    assert encoder.count == 17 - 8
    assert np.array_equal(out, embed(Counting(), TEXTS))


@settings(deadline=None, max_examples=60)
@given(key_bytes=st.integers(0, 17 * 32), vector_bytes=st.integers(0, 17 * 32))
def test_files_cut_anywhere_lose_only_their_tail(key_bytes: int, vector_bytes: int) -> None:
    """Keys and vectors of width 8 both take 32 bytes a row: the rows that both hold in full survive."""
    expected = embed(Counting(), TEXTS)
    with tempfile.TemporaryDirectory() as name:
        cache = EmbeddingCache(Path(name), chunk=5)
        cache.embed(Counting(), TEXTS)
        for path, size in zip(files(Path(name)), (key_bytes, vector_bytes), strict=True):
            with path.open("r+b") as file:
                file.truncate(size)
        encoder = Counting()
        assert np.array_equal(cache.embed(encoder, TEXTS), expected)
        assert encoder.count == 17 - min(key_bytes // 32, vector_bytes // 32)
        assert np.array_equal(cache.embed(encoder, TEXTS), expected)
        assert [path.stat().st_size for path in files(Path(name))] == [17 * 32, 17 * 32]


@pytest.mark.slow
def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    """Each process embeds 120 texts in chunks of 3, 60 of them shared: 180 rows, each once."""
    code = """
import sys
from pathlib import Path
from anabranch.routers.encoders.cache import EmbeddingCache
from anabranch.routers.encoders.hashing import HashingEncoder
start = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
EmbeddingCache(Path(sys.argv[1]), chunk=3).embed(HashingEncoder(8), [str(i) for i in range(start, start + 120)])
"""
    commands = [[sys.executable, "-c", code, str(tmp_path), start] for start in ("0", "60")]
    workers = [
        subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for command in commands
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
    assert [worker.returncode for worker in workers] == [0, 0]
    texts = [str(i) for i in range(180)]
    keys, vectors = files(tmp_path)
    assert (keys.stat().st_size, vectors.stat().st_size) == (180 * 32, 180 * 32)
    before = keys.read_bytes()
    assert len({before[i : i + 32] for i in range(0, len(before), 32)}) == 180
    assert np.array_equal(EmbeddingCache(tmp_path).embed(HashingEncoder(8), texts), embed(HashingEncoder(8), texts))
    assert keys.read_bytes() == before


def test_a_meta_of_another_encoder_is_refused(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path).embed(Counting(), TEXTS)
    path = files(tmp_path)[0].with_name("meta.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"width": 9}))
    with pytest.raises(ValueError, match=r"meta\.json says .*'width': 9.* but this encoder needs .*delete the folder"):
        EmbeddingCache(tmp_path).embed(Counting(), TEXTS)


@pytest.mark.parametrize("content", ["{", None])
def test_a_damaged_or_missing_meta_is_refused(tmp_path: Path, content: str | None) -> None:
    EmbeddingCache(tmp_path).embed(Counting(), TEXTS)
    path = files(tmp_path)[0].with_name("meta.json")
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ValueError, match=r"meta\.json is unreadable .*; delete the folder"):
        EmbeddingCache(tmp_path).embed(Counting(), TEXTS)


def test_a_number_that_is_not_finite_names_the_callers_row(tmp_path: Path) -> None:
    """Of distinct texts only "xyz" has three bytes: row 3, first in its chunk of one."""
    with pytest.raises(NotFinite, match="text 3 "):
        EmbeddingCache(tmp_path, chunk=1).embed(Broken(8), ["long text", "a", "a", "xyz", "xyz"])


def test_a_chunk_has_a_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chunk is 0"):
        EmbeddingCache(tmp_path, chunk=0)
