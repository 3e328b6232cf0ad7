"""What a cascade does on recorded answers, at every stop of its knob."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Answered, Signal, with_signals
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.scorer import Scorer
from anabranch.training.metrics.curve import Curve, cells_curve
from anabranch.training.replay.executor import NotReplayable, replay
from anabranch.training.replay.replayed import Replayed


@dataclass(frozen=True, eq=False)
class TriedPlan:
    """A plan tried on n prompts, at each of its K stops.

    A prompt counts at every stop or at none: it is left out where an answer that a stop might call for, or its cost, is
    not recorded, as otherwise the prompts that stay would be those that a cascade finds easy. Where no prompt knows all
    its costs, cost is unknown.

    Args:
        plan: which.
        known: bool [n], the prompts that count.
        quality: float64 [n, K]; 0 where it abstained, NaN where the prompt does not count.
        cost_usd: float64 [n, K], of all calls made; NaN where the prompt does not count, or if unknown.
        latency_s: float64 [n, K], of each wave of calls the longest, summed; NaN if unknown.
        model: int64 [n, K], number of the plan's model whose answer it was; -1 where there is none.
        calls: int64 [n, M, K], how often each of the plan's models was called.
        reason: n short codes, at the calibrated stop; "" where the prompt does not count.
    """

    plan: Plan
    known: NDArray[np.bool_]
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    model: NDArray[np.int64]
    calls: NDArray[np.int64]
    reason: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan, table: ReplayTable, seed: int = 0) -> Self:
        """Replay every stop of a plan.

        Args:
            plan: its models are among those of the table.
            table: n prompts.
            seed: of which sample comes first, and of what policies draw.

        Raises:
            NotReplayable: there is no prompt on which all answers are recorded that it may call for.
            ValueError: the table lacks a model, or the texts of answers that are scored.
        """
        seen = with_worked_out(plan.signals, of_models(table, plan.models))
        estimates, usual = _before_calls(plan, seen.texts)
        replays = [_Replay(stop.policy, seen, estimates, usual, seed) for stop in plan.stops]
        known, priced = _complete(plan, seen)
        known, ends = _ends(replays, known)
        return cls(
            plan=plan,
            known=known,
            quality=_laid(known, [np.where(end.abstained, 0.0, end.quality) for end in ends], np.nan),
            cost_usd=_laid(known, [end.cost_usd if priced else np.full(known.sum(), np.nan) for end in ends], np.nan),
            latency_s=_laid(known, [end.latency_s for end in ends], np.nan),
            model=_laid(known, [end.model for end in ends], -1),
            calls=_laid(known, [end.calls for end in ends], 0),
            reason=tuple(_laid(known, [np.array(ends[plan.place()].reason, np.object_)], "")[:, 0].tolist()),
        )

    @property
    def place(self) -> int:
        """The calibrated stop."""
        return self.plan.place()

    @property
    def abstained(self) -> NDArray[np.bool_]:
        """Where there is no answer, though the prompt counts, [n, K]."""
        return self.known[:, None] & (self.model < 0)

    @property
    def has_cost(self) -> bool:
        """Whether any prompt knows what it cost."""
        return bool((~np.isnan(self.cost_usd)).any())

    def curve(self, counts: Floats) -> Curve:
        """Mean quality and cost at each stop in every bootstrap row, [R, K]; `counts` as in `bootstrap_curve`."""
        return cells_curve(counts, self.quality, self.cost_usd if self.has_cost else None)

    def means(self) -> Curve:
        """Mean quality and cost at each stop, [K]."""
        curve = self.curve(np.ones((1, len(self.known))))
        return Curve(curve.quality[0], None if curve.cost_usd is None else curve.cost_usd[0], curve.coverage[0])


def with_worked_out(signals: Sequence[Signal], table: ReplayTable) -> ReplayTable:
    """The table with the signals that serving would work out of its recorded answers.

    Args:
        signals: each may read those before it.
        table: its models are those of the signals, in order.

    Raises:
        ValueError: a signal reads the texts of answers, and the table has none.
    """
    texts = [signal.name for signal in signals if isinstance(signal, Scorer)]
    if texts and table.responses is None:
        raise ValueError(
            f"signals {texts} read what models wrote, and these labels hold no responses: collect them with "
            "`anabranch data collect`, or choose a cascade that reads no text"
        )
    cells = [tuple(cell) for cell in np.argwhere(table.recorded).tolist()]
    said = with_signals(signals, [_answered(table, cell) for cell in cells]) if signals else []
    for signal in signals:
        values = np.full(table.quality.shape, np.nan, np.float32)
        for cell, one in zip(cells, said, strict=True):
            values[cell] = one.signals.get(signal.name, np.nan)
        table = table.with_signal(signal.name, values)
    return table


def of_models(table: ReplayTable, models: Sequence[str]) -> ReplayTable:
    """The table of these models alone, in this order.

    Raises:
        ValueError: it lacks one.
    """
    unknown = sorted(set(models) - set(table.models))
    if unknown:
        raise ValueError(f"the cascade calls {unknown}; there are answers of {list(table.models)} alone")
    columns = [table.models.index(model) for model in models]
    cells = {name: getattr(table, name)[:, columns] for name in ("quality", "cost_usd", "latency_s", "key")}
    signals = {name: values[:, columns] for name, values in table.signals.items()}
    responses = None if table.responses is None else table.responses[:, columns]
    return replace(table, models=tuple(models), signals=signals, responses=responses, **cells)


@dataclass(frozen=True, eq=False)
class _Replay:
    """A policy and what it sees; `estimates` and `usual` are [n, M]."""

    policy: Deferral
    table: ReplayTable
    estimates: Floats
    usual: Floats
    seed: int

    def on(self, rows: NDArray[np.intp]) -> Replayed:
        """What it does on these prompts."""
        part = self.table if len(rows) == len(self.table) else self.table.take(rows)
        return replay(self.policy, part, quality=self.estimates[rows], cost_usd=self.usual[rows], seed=self.seed)

    def plays(self, row: int) -> bool:
        """Whether it never asks for more than is recorded on this prompt."""
        try:
            self.on(np.array([row]))
        except NotReplayable:
            return False
        return True


def _complete(plan: Plan, table: ReplayTable) -> tuple[NDArray[np.bool_], bool]:
    """The prompts on which every model that may be called has an answer, at a known cost if any has, and whether so."""
    called = sorted({model for stop in plan.stops for model in stop.policy.models})
    recorded = table.recorded[:, called]
    there = recorded.any(axis=2).min(axis=1)  # (n,)
    priced = there & (~recorded | ~np.isnan(table.cost_usd[:, called])).min(axis=(1, 2))
    if not there.any():
        raise NotReplayable(f"no prompt has an answer of every model that cascade {plan.name!r} may call")
    return (priced, True) if priced.any() else (there, False)


def _ends(replays: Sequence[_Replay], known: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[Replayed]]:
    """Those of the known prompts that have samples enough for every policy, and what each policy does on them."""
    try:
        return known, [one.on(np.flatnonzero(known)) for one in replays]
    except NotReplayable:
        enough = np.array([known[row] and all(one.plays(row) for one in replays) for row in range(len(known))])
        if not enough.any():
            raise
        return enough, [one.on(np.flatnonzero(enough)) for one in replays]


def _before_calls(plan: Plan, texts: tuple[str, ...]) -> tuple[Floats, Floats]:
    """What is known before any call, as serving knows it: estimated quality and usual cost, [n, M]; NaN is unknown."""
    shape = (len(texts), len(plan.models))
    usual = np.broadcast_to(np.array(plan.usual_cost_usd or (np.nan,) * shape[1], np.float64), shape)
    router = plan.router
    if router is None:
        return np.full(shape, np.nan), usual
    if router.arms != plan.models:
        raise ValueError(f"the router estimates {router.arms}; the cascade calls {plan.models}: they must be the same")
    return np.asarray(router.estimates(texts, router.tradeoff)[0].quality, np.float64), usual


def _answered(table: ReplayTable, cell: tuple[int, ...]) -> Answered:
    row, model, _ = cell
    seen = {name: float(values[cell]) for name, values in table.signals.items() if not np.isnan(values[cell])}
    text = "" if table.responses is None else str(table.responses[cell])
    return Answered(model, table.texts[row], text, seen)


def _laid(known: NDArray[np.bool_], columns: Sequence[NDArray[Any]], missing: Any) -> NDArray[Any]:
    """Columns [k, ...] of the prompts that count as one array of all of them, [n, ..., K]."""
    there = np.stack(columns, axis=-1)
    laid = np.full((len(known), *there.shape[1:]), missing, there.dtype)
    laid[known] = there
    return laid
