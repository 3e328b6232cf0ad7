"""A model pool: which models there are, who answers for each, and what they cost."""

import inspect
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anabranch.registry import resolve
from anabranch.upstreams.registry import UPSTREAMS
from anabranch.upstreams.server_member import server_member
from anabranch.upstreams.upstream import Capabilities, Upstream


class PoolError(ValueError):
    """A pool breaks a rule; the message names the entry and the way out."""


class PoolModel(BaseModel):
    """One model of a pool.

    The prices of a model are LiteLLM's keys, USD a token, such as `input_cost_per_token`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="what labels, routers and clients call it")
    upstream: str = Field(description="who answers: a key of `upstreams`")
    model: str = Field(default="", description="its name at the upstream; `name` if empty")
    prices: dict[str, float] = Field(default={}, description="LiteLLM's keys, USD a token; the price table's if empty")
    max_tokens: int | None = Field(default=None, ge=1, description="of a completion, where a request names none")

    @property
    def served_as(self) -> str:
        """Its name at the upstream."""
        return self.model or self.name


class Pool(BaseModel):
    """The models of a pool and their upstreams, as a YAML file says them.

    >>> pool = Pool(upstreams={"here": {"kind": "pocket"}}, models=[{"name": "pocket-owl", "upstream": "here"}])
    >>> pool.model("pocket-owl").served_as
    'pocket-owl'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[PoolModel, ...] = Field(min_length=1)
    upstreams: dict[str, dict[str, Any]] = Field(description="name -> kind and the settings of that kind")
    prices: Path | None = Field(default=None, description="price table in LiteLLM's format, relative to the file")

    def model_post_init(self, context: Any, /) -> None:
        """Refuse names given twice, and models of upstreams that are not there."""
        _refuse_twice(self.names)
        for model in self.models:
            if model.upstream not in self.upstreams:
                raise PoolError(
                    f"model {model.name!r} names the upstream {model.upstream!r}; there: {sorted(self.upstreams)}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, in the order of the file."""
        return tuple(model.name for model in self.models)

    def model(self, name: str) -> PoolModel:
        """The model of that name.

        Raises:
            PoolError: there is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        raise PoolError(f"unknown model {name!r}; models of the pool: {', '.join(self.names)}")

    def choose(self, names: tuple[str, ...]) -> "Pool":
        """The pool of only these models, in this order.

        Raises:
            PoolError: one is not there, one is named twice, or none is named.
        """
        if not names:
            raise PoolError(f"no models are named; models of the pool: {', '.join(self.names)}")
        _refuse_twice(names)
        return self.model_copy(update={"models": tuple(self.model(name) for name in names)})


def _refuse_twice(names: tuple[str, ...]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PoolError(f"models {twice} are named twice; each model of a pool needs a name of its own")


def read_pool(source: str | Path) -> Pool:
    """The pool in a YAML file, or the one that ships: "pocket".

    Raises:
        PoolError: the file is not there, is no YAML, or breaks a rule.

    >>> read_pool("pocket").names[0]
    'pocket-wren'
    """
    if str(source) == "pocket":
        from anabranch.upstreams.pocket.pool import pocket_pool

        return pocket_pool()
    path = Path(source)
    try:
        contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PoolError(f"{path} cannot be read ({error.strerror}); give a pool file, or 'pocket'") from error
    except UnicodeDecodeError:
        raise PoolError(f"{path} is not text in UTF-8; give a pool file, or 'pocket'") from None
    except yaml.YAMLError as error:
        # not what YAML itself says: that quotes the line, and a key may stand there
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise PoolError(f"{path} is not YAML{place}; a pool has upstreams and models, see docs/pools.md") from None
    return pool_from(contents, path.parent, str(path))


def pool_from(contents: object, folder: Path, where: str) -> Pool:
    """The pool that parsed YAML stands for; relative paths in it start at `folder`, errors name `where`."""
    try:
        pool = Pool.model_validate(contents)
    except ValidationError as error:
        raise PoolError(f"{where}: {_first_fault(error)}") from None
    return pool.model_copy(
        update={
            "prices": None if pool.prices is None else folder / pool.prices,
            "upstreams": {name: _placed(settings, folder) for name, settings in pool.upstreams.items()},
        }
    )


def _first_fault(error: ValidationError) -> str:
    """What is wrong, and where; the value is left out, since it may be a key."""
    first = error.errors(include_input=False, include_url=False)[0]
    own = first.get("ctx", {}).get("error")
    if isinstance(own, PoolError):
        return str(own)
    place = ".".join(str(step) for step in first["loc"]) or "the file"
    return f"{place}: {first['msg']}; a pool has upstreams and models, see docs/pools.md"


def _placed(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings whose relative folders begin at `folder`; what is no folder there may be a name."""
    placed = dict(settings)
    for setting in ("folder", "router"):
        if isinstance(placed.get(setting), str):
            placed[setting] = folder / placed[setting]
    if isinstance(placed.get("members"), list):
        placed["members"] = [_placed_member(one, folder) for one in placed["members"]]
    return placed


def _placed_member(member: Any, folder: Path) -> Any:
    if isinstance(member, Mapping):
        return {**member, "tokenizer": folder / str(member["tokenizer"])} if "tokenizer" in member else member
    return folder / member if (folder / str(member)).is_dir() else member


@dataclass(frozen=True)
class Served:
    """A model of an open pool and the upstream that answers for it."""

    model: PoolModel
    upstream: Upstream


class OpenPool:
    """The upstreams of a pool, opened inside `async with` and closed after it; one object an upstream.

    Args:
        pool: which models there are.
        environment: where API keys are read from.

    Raises:
        PoolError: an upstream's kind or settings are unknown, or its API key is not set.
    """

    def __init__(self, pool: Pool, environment: Mapping[str, str] = os.environ) -> None:
        self.pool = pool
        self._environment = environment
        self._stack = AsyncExitStack()
        self._upstreams: dict[str, Upstream] = {}

    async def __aenter__(self) -> Self:
        try:
            for name in dict.fromkeys(model.upstream for model in self.pool.models):
                upstream = open_upstream(name, self._settings(name), self._environment)
                self._stack.push_async_callback(upstream.close)
                self._upstreams[name] = upstream
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _settings(self, name: str) -> Mapping[str, Any]:
        """The settings of an upstream; members that name a server of the pool get one of their own."""
        settings = self.pool.upstreams[name]
        members = settings.get("members")
        if not isinstance(members, list):
            return settings
        try:
            return {**settings, "members": [self._member(one) for one in members]}
        except ValueError as error:
            raise PoolError(f"upstream {name!r}: {error}") from None

    def _member(self, member: Any) -> Any:
        return server_member(member, self._server) if isinstance(member, Mapping) else member

    def _server(self, name: str) -> Upstream:
        servers = {key: one for key, one in self.pool.upstreams.items() if one.get("kind") != "fusion"}
        if name not in servers:
            raise PoolError(f"a member names the server {name!r}; upstreams that can be one: {sorted(servers)}")
        return open_upstream(name, servers[name], self._environment)

    def served(self, name: str) -> Served:
        """A model and its upstream.

        Raises:
            PoolError: the pool has no such model.
        """
        model = self.pool.model(name)
        return Served(model, self._upstreams[model.upstream])


def open_upstream(name: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> Upstream:
    """The upstream that an entry of `upstreams` stands for.

    `kind` chooses the class (`openai-compatible` if it is not given), `api_key_env` names the variable that holds the
    key; every other setting is an argument of the class's constructor.

    Raises:
        PoolError: the kind or a setting is unknown, a setting is wrong, or the variable is not set.
    """
    given = dict(settings)
    try:
        kind = resolve(str(given.pop("kind", "openai-compatible")), UPSTREAMS, "kind of upstream")
    except ValueError as error:
        raise PoolError(f"upstream {name!r}: {error}") from None
    if "api_key" in given:
        raise PoolError(f"upstream {name!r} holds an api_key; keep it in a variable and name that as api_key_env")
    variable = given.pop("api_key_env", None)
    if variable is not None:
        if not environment.get(variable):
            raise PoolError(f"upstream {name!r} needs the variable {variable}, which is not set; export it")
        given["api_key"] = environment[variable]
    if "capabilities" in given:
        given["capabilities"] = _capabilities(name, given["capabilities"])
    known = set(inspect.signature(kind).parameters) - {"name"}
    unknown = sorted(set(given) - known)
    if unknown:
        raise PoolError(f"upstream {name!r} has unknown settings {unknown}; known: {sorted(known - {'api_key'})}")
    try:
        upstream: Upstream = kind(name, **given)
    except (TypeError, ValueError) as error:
        raise PoolError(f"upstream {name!r}: {error}") from None
    return upstream


def _capabilities(name: str, given: object) -> Capabilities:
    try:
        return Capabilities(**given)  # type: ignore[arg-type]
    except TypeError:
        known = sorted(Capabilities.__dataclass_fields__)
        raise PoolError(f"upstream {name!r} has wrong capabilities; they map some of {known} to values") from None
