"""Several language models that write together, as one upstream."""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.registry import resolve
from anabranch.serving.fusion.during.members import Member, check_server, checked, names_of, room_of
from anabranch.serving.fusion.during.registry import FUSIONS
from anabranch.serving.fusion.during.weights import shares
from anabranch.upstreams.blocking import Blocking
from anabranch.upstreams.local.threaded import CAPABILITIES, Orders, ThreadedModel
from anabranch.upstreams.server_member import ServerMember

if TYPE_CHECKING:  # torch is imported by the worker's thread, when the model is first needed
    from anabranch.serving.fusion.during.engine import FusionEngine, Weigh
    from anabranch.serving.fusion.during.router_weights import By
    from anabranch.serving.fusion.during.step import Step
    from anabranch.serving.fusion.during.symbols import Symbols


@dataclass(frozen=True)
class FusedReady:
    """Models that are loaded, see `Ready`.

    Args:
        engine: writes texts.
        orders: what requests mean.
        vocabulary: of the symbols that are written.
        context_window: of the model with the least room.
    """

    engine: "FusionEngine"
    orders: Orders
    vocabulary: "Symbols"
    context_window: int | None


class FusedModel(ThreadedModel):
    """A text of which every token is chosen by several models with tokenizers of their own, streamed as it is chosen.

    Wherever a model can be named this one can: in a pool, and so in collected labels, as an arm of routers, and behind
    `serve`. What is not in the settings is never loaded. `usage` counts the tokens that all models read of
    the prompt, and all that they computed. A request may have weights of its own, `fusion_weights`; with
    log-probabilities, each token says which members chose it.

    Args:
        name: for logs and errors, and a name of the model.
        members: M folders or ids on the hub, as of `LocalModel`, names of pocket models, or models behind servers.
        method: a registry name, see `FUSIONS`.
        settings: of the method.
        weights: M, at least 0; equal ones if None.
        models: other names that requests may call it.
        device: such as cpu or cuda:1; auto for a GPU if there is one.
        dtype: float32, bfloat16 or float16; auto for what the weights were saved as.
        max_batch: texts written at once.
        prefill_tokens: of prompts, that each member reads between two steps of the texts that are being written.
        deadline_s: seconds after which an answer ends where it is, with the finish reason length; None for none.
        router: RUN folder of a router of the members, by their names, that weighs them for each prompt.
        router_weights: `decision` for all weight on the member that the router decides for, `quality` for shares.
        router_temperature: of the softmax that makes shares of expected qualities.

    Raises:
        ValueError: fewer than two members, a folder that holds no model, weights that cannot be, a method or a setting
            of it that is not known or cannot be, a server whose tokens do not suffice for it, or torch is not
            installed.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        *,
        method: str = "gac",
        settings: Mapping[str, Any] | None = None,
        weights: Sequence[float] | None = None,
        models: Collection[str] = (),
        device: str = "auto",
        dtype: str = "float32",
        max_batch: int = 32,
        prefill_tokens: int = 512,
        deadline_s: float | None = None,
        router: str | Path | None = None,
        router_weights: "By" = "decision",
        router_temperature: float = 0.1,
    ) -> None:
        if len(members) < 2:
            raise ValueError(f"{name!r} fuses {len(members)} models; give two or more `members`")
        if deadline_s is not None and not deadline_s > 0:
            raise ValueError(f"deadline_s is {deadline_s}; give seconds above 0, or none")
        if min(max_batch, prefill_tokens) < 1:
            raise ValueError(f"max_batch {max_batch}, prefill_tokens {prefill_tokens}: 1 or more of each are needed")
        folders = [checked(member) for member in members]
        step = _step(name, method, settings or {})
        step.check(len(members))
        for member in members:
            if isinstance(member, ServerMember):
                check_server(method, step, member)
        self._servers = {
            place: Blocking(one.upstream) for place, one in enumerate(folders) if isinstance(one, ServerMember)
        }
        load = partial(
            _load,
            name,
            folders,
            servers=self._servers,
            step=step,
            weights=shares(weights, len(members)),
            device=device,
            dtype=dtype,
            max_batch=max_batch,
            prefill_tokens=prefill_tokens,
            deadline_s=deadline_s,
            weigh=_weigh(router, names_of(folders), router_weights, router_temperature),
        )
        window = _least([room_of(member) for member in folders])
        super().__init__(
            name, load, models=models, window=window, capabilities=replace(CAPABILITIES, prompt_logprobs=False)
        )

    async def close(self) -> None:
        """As of `ThreadedModel`; what servers are being asked is given up."""
        async with asyncio.TaskGroup() as closing:
            closing.create_task(super().close())
            for server in self._servers.values():  # or else the thread would wait for their answers
                closing.create_task(asyncio.to_thread(server.close))


def _weigh(
    router: str | Path | None, members: Sequence[str], by: "By", temperature: float
) -> "Callable[[], Weigh] | None":
    """What loads the router, in the thread that runs it; what it needs is checked now."""
    if router is None:
        return None
    from anabranch.serving.fusion.during.router_weights import RouterWeights, check_by

    check_by(by, temperature)
    if not (Path(router) / "run.json").is_file():
        raise ValueError(f"router {router} is no RUN folder; `anabranch train` makes one")
    return partial(RouterWeights.of_run, Path(router), members, by, temperature)


def _step(name: str, method: str, settings: Mapping[str, Any]) -> "Step":
    if method not in FUSIONS:
        raise ValueError(f"unknown fusion method {method!r}; known: {', '.join(FUSIONS)}")
    try:
        kind = resolve(method, FUSIONS, "fusion method")
    except ImportError as error:
        raise ValueError(f"fused model {name!r} needs torch: pip install 'anabranch[train]'") from error
    known = [field.name for field in fields(kind)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"fusion method {method!r} has no setting {unknown}; its settings: {known or 'none'}")
    step: Step = kind(**settings)
    return step


def _least(windows: Sequence[int | None]) -> int | None:
    return min((window for window in windows if window is not None), default=None)


def _load(
    name: str,
    members: Sequence[Member],
    *,
    servers: Mapping[int, Blocking],
    step: "Step",
    weights: tuple[float, ...],
    device: str,
    dtype: str,
    max_batch: int,
    prefill_tokens: int,
    deadline_s: float | None,
    weigh: "Callable[[], Weigh] | None",
) -> FusedReady:
    try:
        from anabranch.serving.fusion.during.engine import FusionEngine
        from anabranch.serving.fusion.during.ensemble import Ensemble
        from anabranch.serving.fusion.during.fused_orders import FusedOrders
        from anabranch.serving.fusion.during.symbols import Symbols
        from anabranch.serving.fusion.during.union_cache import cached_union
        from anabranch.upstreams.local.loading import load_rows, load_server, set_threads_for
        from anabranch.upstreams.local.orders import Orders as OrdersOfOne
    except ImportError as error:
        raise ValueError(
            f"fused model {name!r} needs torch and transformers: pip install 'anabranch[train]'"
        ) from error
    rows = [
        load_server(one, servers[place]) if isinstance(one, ServerMember) else load_rows(one, device, dtype)
        for place, one in enumerate(members)
    ]
    set_threads_for(max(getattr(one, "parameters", 0) for one in rows))
    ensemble = Ensemble(tuple(rows), cached_union([one.vocabulary for one in rows]))
    orders = [OrdersOfOne(name, one.tokenizer, one.window, one.vocabulary.ends) for one in rows]
    return FusedReady(
        FusionEngine(name, names_of(members), ensemble, step, max_batch, weigh() if weigh else None, prefill_tokens),
        FusedOrders(name, orders, weights, ensemble.union.end, deadline_s or math.inf, weigh is not None),
        Symbols(ensemble.union),
        _least([one.window for one in rows]),
    )
