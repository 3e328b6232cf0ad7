"""The embedding cache: every text is embedded once, whoever asks and however the run ends."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.encoders.embed import NotFinite, embed
from anabranch.routers.encoders.encoder import Encoder

Floats = NDArray[np.float32]

_SCHEMA = 1
_KEY_BYTES = 32
_FLOAT_BYTES = 4


class EmbeddingCache:
    """Embeddings on disk, one folder an encoder; append-only, and never the texts themselves.

    `<folder>/<fingerprint[:16]>/` holds `keys.bin` (sha256 of each text, 32 bytes), `vectors.f32` (D float32
    each, the same order) and `meta.json`. A row counts once both files hold all of it, so what a killed writer
    left half done is overwritten. Appending takes a lock where the system has one (POSIX).

    Args:
        folder: made when first needed.
        chunk: texts embedded between two writes; what a kill can lose.

    >>> from tempfile import TemporaryDirectory
    >>> from anabranch.routers.encoders.hashing import HashingEncoder
    >>> with TemporaryDirectory() as folder:
    ...     EmbeddingCache(Path(folder)).embed(HashingEncoder(width=8), ["a", "b", "a"]).shape
    (3, 8)
    """

    def __init__(self, folder: Path, chunk: int = 512) -> None:
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}; it must be 1 text or more")
        self.folder = folder
        self.chunk = chunk

    def embed(self, encoder: Encoder, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Floats:
        """Embeddings float32 [N, D] of N texts; only texts never seen are embedded.

        Args:
            encoder: its fingerprint chooses the folder.
            texts: N texts.
            progress: called with how many texts are done since the last call; the numbers add up to N.

        Raises:
            ValueError: the folder belongs to another encoder or is damaged.
        """
        shelf = _open(self.folder, encoder.fingerprint, encoder.width)
        shelf.refresh()
        keys = [_key(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in shelf.row_of}
        if progress is not None:
            progress(len(texts) - len(missing))
        for part in _parts(sorted(missing, key=lambda key: len(missing[key])), self.chunk):
            try:
                vectors = embed(encoder, [missing[key] for key in part], progress=progress)
            except NotFinite as error:
                raise NotFinite(keys.index(part[error.row])) from error
            shelf.append(part, vectors)
        return shelf.gather(keys)


class _Shelf:
    """The files of one encoder, and which key's vector stands in which row."""

    def __init__(self, folder: Path, width: int) -> None:
        self.folder = folder
        self.width = width
        self.row_of: dict[bytes, int] = {}
        self._keys = folder / "keys.bin"
        self._vectors = folder / "vectors.f32"
        self._rows = 0

    def rows(self) -> int:
        """How many rows both files hold in full; it never shrinks."""
        sizes = ((self._keys, _KEY_BYTES), (self._vectors, self.width * _FLOAT_BYTES))
        return min(path.stat().st_size // bytes_a_row if path.exists() else 0 for path, bytes_a_row in sizes)

    def refresh(self) -> None:
        """Reads the keys that were added since the last call, by whomever."""
        if self._keys.exists():
            with self._keys.open("rb") as key_file, _locked(key_file, exclusive=False):
                self._read(key_file)

    def append(self, keys: list[bytes], vectors: Floats) -> None:
        """Adds the rows that no other process has added meanwhile."""
        with self._keys.open("a+b") as key_file, _locked(key_file), self._vectors.open("ab") as vector_file:
            self._read(key_file)
            new = [i for i, key in enumerate(keys) if key not in self.row_of]
            # the half rows of a killed writer; a key must never meet another text's vector
            key_file.truncate(self._rows * _KEY_BYTES)
            vector_file.truncate(self._rows * self.width * _FLOAT_BYTES)
            vector_file.write(vectors[new].tobytes())
            vector_file.flush()
            os.fsync(vector_file.fileno())
            key_file.write(b"".join(keys[i] for i in new))
            key_file.flush()
            self._read(key_file)

    def _read(self, key_file: IO[bytes]) -> None:
        rows = self.rows()
        key_file.seek(self._rows * _KEY_BYTES)
        for row in range(self._rows, rows):
            self.row_of[key_file.read(_KEY_BYTES)] = row
        self._rows = rows

    def gather(self, keys: list[bytes]) -> Floats:
        """The vectors of keys that are all there."""
        if not keys:
            return np.zeros((0, self.width), np.float32)
        vectors = np.memmap(self._vectors, np.float32, "r", shape=(self._rows, self.width))
        return np.asarray(vectors)[[self.row_of[key] for key in keys]]


def _open(folder: Path, fingerprint: str, width: int) -> _Shelf:
    shelf = _Shelf(folder / fingerprint[:16], width)
    meta = {"schema": _SCHEMA, "fingerprint": fingerprint, "width": width}
    path = shelf.folder / "meta.json"
    if not path.exists() and shelf.rows() == 0:
        shelf.folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"meta.{os.getpid()}.json")
        draft.write_text(json.dumps(meta))
        draft.replace(path)
    found = _read(path)
    if found != meta:
        raise ValueError(
            f"{path} says {found}, but this encoder needs {meta}; delete the folder to embed anew, or use another"
        )
    return shelf


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is unreadable ({error}); delete the folder {path.parent} to embed anew") from error


@contextmanager
def _locked(file: IO[bytes], exclusive: bool = True) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _key(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _parts(keys: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
