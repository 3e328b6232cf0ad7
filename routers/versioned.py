"""JSON files whose schema may change: an older one is read, a newer one is refused."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError


class Versioned(BaseModel):
    """What every version of a file says."""

    schema_version: int


Contents = TypeVar("Contents", bound=Versioned)


def read_versioned(path: Path, kind: type[Contents], newest: int) -> Contents:
    """The contents of a file.

    Args:
        path: of the file.
        kind: what it holds.
        newest: the schema version that this program writes.

    Raises:
        ValueError: it is of a newer schema, or breaks the rules of its own.
    """
    try:
        # the version alone first: a newer schema may have fields that this one does not know
        version = Versioned.model_validate_json(path.read_text()).schema_version
        if version > newest:
            raise ValueError(f"{path} has schema {version}; this version reads up to {newest}: upgrade")
        return kind.model_validate_json(path.read_text())
    except ValidationError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
