"""What a bundle is, in brief."""

from pathlib import Path
from typing import Any

from anabranch.export.bundle import Bundle, CascadeBundle, read_any_bundle


def inspect_bundle(folder: Path) -> dict[str, Any]:
    """A summary of a bundle, plain JSON values; that it returns means that every hash is right.

    Raises:
        BundleError: a file is missing, changed or not listed.
    """
    bundle = read_any_bundle(folder)
    manifest = bundle.manifest
    made_of = _cascade(bundle) if isinstance(bundle, CascadeBundle) else _router(bundle)
    return {
        "id": bundle.id,
        "schema_version": manifest.schema_version,
        **made_of,
        "contains_user_prompts": manifest.contains_user_prompts,
        "onnxruntime_min": manifest.onnxruntime_min,
        "created": manifest.provenance.created,
        "data_sha256": manifest.provenance.data_sha256,
        "bytes": {name: (folder / name).stat().st_size for name in sorted(manifest.files)},
        "hashes": "ok",
        "metrics": manifest.metrics,
    }


def _router(bundle: Bundle) -> dict[str, Any]:
    router = bundle.manifest.router
    return {
        "recipe": router.recipe,
        "recipe_settings": router.recipe_settings,
        "arms": list(router.arms),
        "encoder": router.encoder,
        "precision": bundle.manifest.precision,
        "calibration": router.calibration,
        "policy": router.policy.model_dump(mode="json"),
        "usage": router.costing.usage_kind,
        "reprice": router.costing.costing().reprices,
        "price_date": router.costing.price_date,
        "routing_text_version": router.routing_text_version,
    }


def _cascade(bundle: CascadeBundle) -> dict[str, Any]:
    cascade = bundle.manifest.cascade
    return {
        "recipe": cascade.recipe,
        "recipe_settings": cascade.recipe_settings,
        "models": list(cascade.models),
        "stops": [stop.model_dump(mode="json") for stop in cascade.stops],
        "signals": list(cascade.signals),
        "usual_cost_usd": list(cascade.usual_cost_usd),
        "tradeoff": cascade.tradeoff,
        "target": cascade.target,
        "promise": cascade.promise,
        "answers": cascade.answers,
        "has_router": cascade.has_router,
        "routing_text_version": cascade.routing_text_version,
    }
