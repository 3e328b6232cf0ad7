"""What a bundle is, in brief."""

from pathlib import Path
from typing import Any

from anabranch.export.bundle import read_bundle


def inspect_bundle(folder: Path) -> dict[str, Any]:
    """A summary of a bundle, plain JSON values; that it returns means that every hash is right.

    Raises:
        BundleError: a file is missing, changed or not listed.
    """
    bundle = read_bundle(folder)
    manifest, router = bundle.manifest, bundle.manifest.router
    return {
        "id": bundle.id,
        "schema_version": manifest.schema_version,
        "recipe": router.recipe,
        "recipe_settings": router.recipe_settings,
        "arms": list(router.arms),
        "encoder": router.encoder,
        "precision": manifest.precision,
        "calibration": router.calibration,
        "policy": router.policy.model_dump(mode="json"),
        "usage": router.costing.usage_kind,
        "reprice": router.costing.costing().reprices,
        "price_date": router.costing.price_date,
        "routing_text_version": router.routing_text_version,
        "contains_user_prompts": manifest.contains_user_prompts,
        "onnxruntime_min": manifest.onnxruntime_min,
        "created": manifest.provenance.created,
        "data_sha256": manifest.provenance.data_sha256,
        "bytes": {name: (folder / name).stat().st_size for name in sorted(manifest.files)},
        "hashes": "ok",
        "metrics": manifest.metrics,
    }
