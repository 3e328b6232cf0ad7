"""What a trained router is made of, as plain JSON: shared by the RUN folder and the bundle's manifest."""

from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from anabranch.data.outcomes import UsageKind
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import QualityKind
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.router import Estimate, Router


class PolicySettings(BaseModel):
    """A policy and its calibrated knob."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    settings: dict[str, Any]
    tradeoff: float = Field(ge=0, le=1, description="0 = cheapest, 1 = best")
    target: str = Field(description="what the trade-off was calibrated to")


class CostingSettings(BaseModel):
    """Where costs come from; one entry an arm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usage_kind: UsageKind
    input_usd: tuple[float, ...] = Field(default=(), description="USD a prompt token")
    output_usd: tuple[float, ...] = Field(default=(), description="USD a completion token")
    tokens_per_char: tuple[float, ...] = ()
    price_date: str = ""

    def costing(self) -> Costing:
        """The costing these settings describe."""
        return Costing(**dict(self))


class RouterSettings(BaseModel):
    """Everything about a trained router but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    recipe_settings: dict[str, Any]
    arms: tuple[str, ...] = Field(min_length=1)
    encoder: str = Field(description="name, path or hub id, as the user typed it")
    encoder_options: dict[str, Any]
    encoder_fingerprint: str
    encoder_trained: bool = Field(description="whether the encoder's weights lie beside the estimator's")
    width: int = Field(gt=0)
    routing_text_version: str
    quality_kind: QualityKind
    calibration: str = Field(default="none", description="the map around the estimator's quality")
    reads_tradeoff: bool
    costing: CostingSettings
    policy: PolicySettings

    def router(self, name: str, estimate: Estimate, origin: str = "") -> Router:
        """The router that these settings and a source of estimates make; see `Router`."""
        return Router(
            name=name,
            arms=self.arms,
            estimate=estimate,
            costing=self.costing.costing(),
            policy=load_policy(self.policy.name, self.policy.settings),
            tradeoff=self.policy.tradeoff,
            quality_kind=self.quality_kind,
            reads_tradeoff=self.reads_tradeoff,
            origin=origin,
        )


class Provenance(BaseModel):
    """Where a trained router comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    prompts: dict[str, int] = Field(description="train, validation, test, and those left out")
    data_sha256: dict[str, str]
    splits_sha256: str
    label_cost_usd: float | None = Field(description="what the training labels cost to collect, if known")
    versions: dict[str, str]
    created: str

    @property
    def id(self) -> str:
        """12 digits that name the training."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:12]
