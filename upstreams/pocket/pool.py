"""The pocket pool as an upstream: four models in one process, each behind its name."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace

from anabranch.upstreams.errors import UnknownModel
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.local.threaded import CAPABILITIES
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.pocket.members import MEMBERS, POSITIONS
from anabranch.upstreams.pool import Pool, PoolModel
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request

MAX_TOKENS = 64


class Pocket:
    """The pocket models behind the upstream contract; a model is loaded when it is first asked.

    Args:
        name: for logs and errors.
        max_batch: calls that a model serves at once.

    Raises:
        ChangedWeights: a file of the models is not the one that ships.
    """

    def __init__(self, name: str = "pocket", *, max_batch: int = 32) -> None:
        self._name = name
        self._models = {member: LocalModel(member, check_frozen(member), max_batch=max_batch) for member in MEMBERS}

    @property
    def name(self) -> str:
        """What logs and errors call it."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What every one of them can do."""
        return replace(CAPABILITIES, context_window=POSITIONS)

    async def complete(self, request: Request) -> Reply:
        """The whole answer of the model that the request names.

        Raises:
            UpstreamError: there is no such pocket model, or as `LocalModel.complete`.
        """
        return await self._of(request.model).complete(request)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces; errors are those of `complete`."""
        return self._of(request.model).stream(request)

    async def complete_text(self, request: TextRequest) -> TextReply:
        """The whole continuation of a text; errors are those of `complete`."""
        return await self._of(request.model).complete_text(request)

    def stream_text(self, request: TextRequest) -> AsyncGenerator[TextChunk, None]:
        """The continuation in pieces; errors are those of `complete`."""
        return self._of(request.model).stream_text(request)

    async def close(self) -> None:
        """End every model; calls in flight end with `Closed`."""
        async with AsyncExitStack() as stack:
            for model in self._models.values():
                stack.push_async_callback(model.close)

    def _of(self, model: str) -> LocalModel:
        if model not in self._models:
            known = ", ".join(self._models)
            raise UnknownModel(self._name, f"has no model {model!r}, only {known}", status=404)
        return self._models[model]


def pocket_pool() -> Pool:
    """The pool of the pocket models, at their own prices.

    >>> pocket_pool().names
    ('pocket-wren', 'pocket-robin', 'pocket-heron', 'pocket-owl')
    """
    models = tuple(
        PoolModel(name=member.name, upstream="pocket", prices=member.prices, max_tokens=MAX_TOKENS)
        for member in MEMBERS.values()
    )
    return Pool(models=models, upstreams={"pocket": {"kind": "pocket"}})
