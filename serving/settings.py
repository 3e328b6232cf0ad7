"""What is served, where, and within which limits: the settings of `anabranch serve`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anabranch.serving.connection import Limits
from anabranch.upstreams.pool import Pool, pool_from, read_pool

POOL_FIELDS = {"models", "upstreams"}


class ServeError(ValueError):
    """What was asked to be served cannot be; the message says what to change."""


class ServeSettings(BaseModel):
    """The fields of a configuration file, which are the options of the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path | None = Field(default=None, description="bundle folder that decides; none serves the pool by name")
    pool: Pool | str | None = Field(default=None, description='pool file, "pocket", or the pool itself')
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65535, description="0 for any that is free")
    tradeoff: float | None = Field(default=None, ge=0, le=1, description="0 = cheapest, 1 = best; None: calibrated")
    api_key_env: str | None = Field(default=None, description="variable with the key that clients must send")
    timeout_s: float | None = Field(default=None, gt=0, description="of a cascade: for a call, or a piece of a stream")
    max_completion_tokens: int | None = Field(
        default=None, ge=1, description="of a cascade: of all answers to a prompt together"
    )
    decision_threads: int = Field(default=2, ge=1, description="decisions at once, and answers that scorers read")
    max_body_mb: float = Field(default=32, gt=0, description="of a request, in MiB")
    grace_s: int = Field(default=30, ge=0, description="for requests in flight when the server is stopped")
    quiet: bool = Field(default=False, description="no line a request")
    folder: Path = Field(
        default=Path(), exclude=True, description="where the paths in a pool that is written out start"
    )

    @property
    def limits(self) -> Limits:
        """What a client may take."""
        return Limits(body_bytes=int(self.max_body_mb * 2**20))

    def read_pool(self) -> Pool | None:
        """The pool that is named, or written out; None if neither.

        Raises:
            PoolError: it breaks a rule.
        """
        return read_pool(self.pool) if isinstance(self.pool, str) else self.pool


def read_settings(source: str, given: Mapping[str, Any]) -> ServeSettings:
    """The settings that a SOURCE and the options beside it stand for; options win over a file.

    Args:
        source: a bundle folder, a configuration file, a pool file, or "pocket".
        given: options by name; None where one was not given.

    Raises:
        ServeError: the source is none of these, or a setting breaks a rule.
        PoolError: a pool that is written out does.
    """
    options = {name: value for name, value in given.items() if value is not None}
    return _validated({**_named_by(source), **options}, source)


def _named_by(source: str) -> dict[str, Any]:
    path = Path(source)
    if source == "pocket":
        return {"pool": source}
    if path.is_dir():
        return {"bundle": path}
    fields = _yaml(path)
    if fields.keys() >= POOL_FIELDS:
        return {"pool": source}
    return _placed(fields, path)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ServeError(
            f"{path} is not there; give a bundle folder, a configuration file, a pool file, or 'pocket'"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ServeError(f"{path} cannot be read ({error}); give a YAML file or a bundle folder") from error
    except yaml.YAMLError as error:
        raise ServeError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict):
        raise ServeError(f"{path} must map names to settings, such as `bundle: BUNDLE`; see docs/serving.md")
    return fields


def _placed(fields: dict[str, Any], path: Path) -> dict[str, Any]:
    """Paths in a file start where the file lies."""
    out, folder = dict(fields), path.parent
    if isinstance(fields.get("bundle"), str):
        out["bundle"] = folder / fields["bundle"]
    if isinstance(fields.get("pool"), str) and fields["pool"] != "pocket":
        out["pool"] = str(folder / fields["pool"])
    if isinstance(fields.get("pool"), dict):
        out["pool"] = pool_from(fields["pool"], folder, f"{path}: pool")
    return out


def _validated(fields: dict[str, Any], source: str) -> ServeSettings:
    try:
        return ServeSettings.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        known = ", ".join(ServeSettings.model_fields)
        raise ServeError(f"{source}: {name}: {first['msg']}; settings there are: {known}") from None
