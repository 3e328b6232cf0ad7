"""The model card of a bundle."""

from anabranch.export.card_sections import curve, metrics, privacy, settings, table, training
from anabranch.export.manifest import Manifest
from anabranch.routers.settings import RouterSettings


def model_card(name: str, manifest: Manifest) -> str:
    """The README.md of a bundle, in Markdown.

    Args:
        name: of the folder.
        manifest: what the bundle is made of.
    """
    router = manifest.router
    sections = (
        _head(name, manifest),
        _arms(router),
        training(manifest.provenance, router.encoder_fingerprint),
        privacy(manifest),
        curve(manifest.metrics.get("evaluation")),
        metrics(manifest.metrics),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _head(name: str, manifest: Manifest) -> list[str]:
    router = manifest.router
    policy = router.policy
    return [
        f"# {name}",
        "",
        f"A router over {len(router.arms)} arms: it reads a request and names the arm that should answer.",
        "Made by Anabranch; it runs without torch.",
        "",
        "```sh",
        f'anabranch route {name} "your prompt" --tradeoff {policy.tradeoff:g}',
        "```",
        "",
        *table(
            ("part", "choice"),
            ("router", f"{router.recipe} {settings(router.recipe_settings)}"),
            ("encoder", f"{router.encoder} {settings(router.encoder_options)}, {router.width} wide"),
            ("precision", f"{manifest.precision} encoder, fp32 head"),
            ("policy", f"{policy.name} {settings(policy.settings)}"),
            ("trade-off", f"{policy.tradeoff:g} (0 = cheapest, 1 = best), calibrated to: {policy.target}"),
            ("quality means", router.quality_kind),
            ("calibration", router.calibration),
            ("routing text", f"version {router.routing_text_version}"),
        ),
    ]


def _arms(router: RouterSettings) -> list[str]:
    costing = router.costing
    if costing.usage_kind != "completion_tokens":
        known = "USD a request, as labelled" if costing.usage_kind == "cost_usd" else "unknown"
        return ["## Arms", "", f"Costs: {known}.", "", *table(("arm",), *((arm,) for arm in router.arms))]
    prices = zip(router.arms, costing.input_usd, costing.output_usd, strict=True)
    rows = ((arm, f"{given * 1e6:g}", f"{made * 1e6:g}") for arm, given, made in prices)
    heads = ("arm", "USD a million prompt tokens", "USD a million completion tokens")
    return ["## Arms", "", f"Prices of {costing.price_date or 'unknown date'}.", "", *table(heads, *rows)]
