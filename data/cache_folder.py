"""Where this package keeps what it can work out again."""

import os
from pathlib import Path


def cache_folder(part: str) -> Path:
    """The folder of one kind of contents: below $ANABRANCH_CACHE, or ~/.cache/anabranch ($XDG_CACHE_HOME if set).

    It holds vectors, hashes and vocabularies, never texts of users.

    Args:
        part: its name.
    """
    home = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return Path(os.environ.get("ANABRANCH_CACHE", Path(home) / "anabranch")) / part
