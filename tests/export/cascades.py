"""Cascades without networks, as settings and as bundles."""

from pathlib import Path
from typing import Any

from anabranch.export.bundle import CascadeBundle, write_cascade_bundle
from anabranch.export.manifest import CascadeManifest
from anabranch.export.signature import ONNXRUNTIME_MIN
from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from tests.export.conftest import provenance

MODELS = ("wren", "jay", "owl")
CHANCE = Chance("chance", "logprob_mean", (Steps((-2.0, -1.0), (0.25, 0.75)),) * 3)
STOPS = (
    Stop(ThresholdChain((0,), (), "chance"), 0.5, 1.0),
    Stop(ThresholdChain((0, 1, 2), (0.5, 0.5), "chance"), 0.75, 6.0),
    Stop(ThresholdChain((2,), (), "chance"), 0.875, 16.0),
)


def cascade_settings(
    *policies: Deferral, signals: tuple[Signal, ...] = (CHANCE,), models: tuple[str, ...] = MODELS, **changes: Any
) -> CascadeSettings:
    """The wren alone, all birds in turn, the owl alone; or stops of other policies. `changes` replace fields."""
    stops = tuple(Stop(policy, 0.5, 1.0) for policy in policies) or STOPS
    plan = Plan("p", models, stops, signals, (1.0, 4.0, float("nan"))[: len(models)], 0.5, "number")
    made = CascadeSettings.of(
        plan, recipe="birds", recipe_settings={"depth": 3}, target="budget=6.00 USD", routing_text_version="1"
    )
    return made.model_copy(update=changes)


def cascade_manifest(settings: CascadeSettings) -> CascadeManifest:
    return CascadeManifest(
        cascade=settings,
        provenance=provenance(),
        metrics={"training": {"quality": 0.75}},
        contains_user_prompts=False,
        user_prompts="",
        onnxruntime_min=ONNXRUNTIME_MIN,
    )


def cascade_bundle(folder: Path, settings: CascadeSettings | None = None) -> CascadeBundle:
    """Without networks and router."""
    return write_cascade_bundle(folder, cascade_manifest(settings or cascade_settings()), {"README.md": b"# card"})
