"""Files that hold what can be worked out again, with a digest of their name and contents before them."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

_DIGEST_BYTES = 32


def read_checked(path: Path) -> bytes | None:
    """What was written to a file; None if there is none, it is damaged, or it was written under another name."""
    try:
        contents = path.read_bytes()
    except OSError:
        return None
    body = contents[_DIGEST_BYTES:]
    return body if contents[:_DIGEST_BYTES] == _digest(path, body) else None


def write_checked(path: Path, body: bytes) -> None:
    """Put this in a file, all at once; where nothing can be written, nothing is kept."""
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:12]}.unfinished")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(_digest(path, body) + body)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _digest(path: Path, body: bytes) -> bytes:
    # of the name as well: under another name it would be something else
    return sha256(path.name.encode() + body).digest()
