"""What a fitted cascade is made of, as plain JSON: shared by the RUN folder and the bundle's manifest."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Plan, Stop, nearest_stop
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.routers.deferral.scorer import Score, Scorer
from anabranch.routers.router import Router


class CertificateSettings(BaseModel):
    """What was promised of a stop: a bound on what it loses where one model, asked alone, answers better.

    >>> CertificateSettings(
    ...     against="owl", most_lost=0.02, delta=0.05, prompts=200, date="2026-11-27", p_value=0.018
    ... ).sentence
    'Where owl answers better, at most 0.02 of mean quality is lost: 95% sure, from 200 prompts, on 2026-11-27.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    against: str = Field(description="the model")
    most_lost: float = Field(description="mean quality that may be lost where that model answers better")
    delta: float = Field(gt=0, lt=1, description="share of calibrations that may break the promise")
    prompts: int = Field(gt=0, description="how many calibrated it; it holds for prompts like them")
    date: str = Field(description="of the calibration")
    p_value: float | None = Field(
        description="of losing more; null where nothing can be lost, the model answering alone"
    )

    @property
    def sentence(self) -> str:
        """The promise in words."""
        evidence = f"{100 * (1 - self.delta):.4g}% sure, from {self.prompts:,} prompts, on {self.date}"
        if self.p_value is None:
            return (
                f"Nothing is lost against {self.against}, which answers alone: no cheaper chain was certified to lose "
                f"at most {self.most_lost:g} ({evidence})."
            )
        return f"Where {self.against} answers better, at most {self.most_lost:g} of mean quality is lost: {evidence}."


class StopSettings(BaseModel):
    """A policy, what it reached on the prompts of the fit, and what is promised of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: dict[str, Any]
    quality: float
    cost_usd: float | None
    certificate: CertificateSettings | None = None


class CascadeSettings(BaseModel):
    """Everything about a fitted cascade but the weights of its scorers and its router."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    recipe_settings: dict[str, Any]
    models: tuple[str, ...] = Field(min_length=1)
    stops: tuple[StopSettings, ...] = Field(min_length=1)
    signals: tuple[dict[str, Any], ...] = ()
    usual_cost_usd: tuple[float | None, ...] = ()
    tradeoff: float = Field(ge=0, le=1, description="0 = cheapest, 1 = best")
    target: str = Field(description="what the trade-off was calibrated to")
    answers: str | None = Field(default=None, description="how the canonical answer is read; none if null")
    routing_text_version: str
    has_router: bool = Field(default=False, description="whether a router's estimates are read before any call")

    @classmethod
    def of(
        cls, plan: Plan, certificates: Mapping[Deferral, CertificateSettings] | None = None, **facts: Any
    ) -> "CascadeSettings":
        """The settings of a plan.

        Args:
            plan: what was fitted.
            certificates: what is promised, by policy; nothing of those that are not there.
            facts: recipe, recipe_settings, target and routing_text_version.
        """
        promised = certificates or {}
        return cls(
            models=plan.models,
            stops=tuple(
                StopSettings(
                    policy=to_plain(stop.policy),
                    quality=stop.quality,
                    cost_usd=_known(stop.cost_usd),
                    certificate=promised.get(stop.policy),
                )
                for stop in plan.stops
            ),
            signals=tuple(to_plain(signal) for signal in plan.signals),
            usual_cost_usd=tuple(_known(cost) for cost in plan.usual_cost_usd),
            tradeoff=plan.tradeoff,
            answers=plan.answers,
            has_router=plan.router is not None,
            **facts,
        )

    @property
    def scorer_stems(self) -> tuple[str, ...]:
        """The stems of the files of its networks."""
        return tuple(str(signal["file"]) for signal in self.signals if signal.get("kind") == "scorer")

    @property
    def promise(self) -> str | None:
        """What is promised at the calibrated trade-off, in a sentence; None if nothing is promised anywhere."""
        last = len(self.stops) - 1
        made = {place: stop.certificate.sentence for place, stop in enumerate(self.stops) if stop.certificate}
        said = {place: f"At trade-off {place / last:.4g}: {one}" if last else one for place, one in made.items()}
        here = nearest_stop(self.tradeoff, len(self.stops))
        if here in said or not said:
            return said.get(here)
        return " ".join((f"Nothing is promised at trade-off {self.tradeoff:.4g}.", *said.values()))

    def plan(self, name: str, scorers: Mapping[str, Score], router: Router | None = None, origin: str = "") -> Plan:
        """The plan that these settings make.

        Args:
            name: what reports call it.
            scorers: networks by the stem of their file.
            router: estimates before any call, if the cascade reads them.
            origin: see `Plan`.

        Raises:
            ValueError: a part is of no known kind, or a scorer or the router is missing.
        """
        if self.has_router and router is None:
            raise ValueError(f"cascade {name!r} reads a router's estimates, and no router was loaded")
        return Plan(
            name=name,
            models=self.models,
            stops=tuple(
                Stop(from_plain(stop.policy), stop.quality, nan if stop.cost_usd is None else stop.cost_usd)
                for stop in self.stops
            ),
            signals=tuple(_loaded(from_plain(signal), scorers) for signal in self.signals),
            usual_cost_usd=tuple(nan if cost is None else cost for cost in self.usual_cost_usd),
            tradeoff=self.tradeoff,
            answers=self.answers,
            router=router,
            origin=origin,
        )


def _loaded(signal: Signal, scorers: Mapping[str, Score]) -> Signal:
    if not isinstance(signal, Scorer):
        return signal
    if signal.file not in scorers:
        raise ValueError(f"signal {signal.name!r} needs the scorer {signal.file!r}; there are {sorted(scorers)}")
    return replace(signal, score=scorers[signal.file])


def _known(value: float) -> float | None:
    return None if value != value else value
