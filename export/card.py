"""The model card of a bundle."""

from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.export.manifest import Manifest
from anabranch.routers.settings import RouterSettings


def model_card(name: str, manifest: Manifest) -> str:
    """The README.md of a bundle, in Markdown.

    Args:
        name: of the folder.
        manifest: what the bundle is made of.
    """
    sections = (
        _head(name, manifest),
        _arms(manifest.router),
        _training(manifest),
        _privacy(manifest),
        _curve(manifest.metrics.get("evaluation")),
        _metrics(manifest.metrics),
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
        *_table(
            ("part", "choice"),
            ("router", f"{router.recipe} {_settings(router.recipe_settings)}"),
            ("encoder", f"{router.encoder} {_settings(router.encoder_options)}, {router.width} wide"),
            ("precision", f"{manifest.precision} encoder, fp32 head"),
            ("policy", f"{policy.name} {_settings(policy.settings)}"),
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
        return ["## Arms", "", f"Costs: {known}.", "", *_table(("arm",), *((arm,) for arm in router.arms))]
    prices = zip(router.arms, costing.input_usd, costing.output_usd, strict=True)
    rows = ((arm, f"{given * 1e6:g}", f"{made * 1e6:g}") for arm, given, made in prices)
    heads = ("arm", "USD a million prompt tokens", "USD a million completion tokens")
    return ["## Arms", "", f"Prices of {costing.price_date or 'unknown date'}.", "", *_table(heads, *rows)]


def _training(manifest: Manifest) -> list[str]:
    origin = manifest.provenance
    cost = "unknown" if origin.label_cost_usd is None else f"{origin.label_cost_usd:,.2f} USD"
    return [
        "## Training",
        "",
        *_table(
            ("what", "value"),
            *((f"{split} prompts", f"{count:,}") for split, count in origin.prompts.items()),
            *((f"sha256 of {part}", f"`{sha256}`") for part, sha256 in origin.data_sha256.items()),
            ("sha256 of splits", f"`{origin.splits_sha256}`"),
            ("sha256 of encoder", f"`{manifest.router.encoder_fingerprint}`"),
            ("cost of labels", cost),
            ("seed", str(origin.seed)),
            ("created", origin.created),
            *((library, version) for library, version in origin.versions.items()),
        ),
    ]


def _privacy(manifest: Manifest) -> list[str]:
    if not manifest.contains_user_prompts:
        return ["## User prompts", "", "No user prompt is inside, in any form."]
    warning = "Embeddings can be inverted in part: share this folder as you would share the prompts."
    return ["## User prompts", "", f"Inside is {manifest.user_prompts}. {warning}"]


def _curve(evaluation: Mapping[str, Any] | None) -> list[str]:
    """The cost-quality curve of an evaluation, a row a trade-off."""
    if evaluation is None:
        return []
    unit = {"usd": "USD a request", "strong_share": "share of strong calls"}.get(evaluation["cost_unit"], "cost")
    rows = ((f"{p['tradeoff']:.4g}", _interval(p["quality"]), _interval(p["cost"])) for p in evaluation["curve"])
    where = f"{evaluation['prompts']:,} {evaluation['split']} prompts of {evaluation['labels']}"
    verdict = f"Verdict: {evaluation['verdict']}; gain {_interval(evaluation['gain'])}."
    return ["## Curve", "", f"On {where}. {verdict}", "", *_table(("trade-off", "mean quality", unit), *rows)]


def _interval(figure: Mapping[str, float | None] | None) -> str:
    if figure is None or any(figure[end] is None for end in ("value", "low", "high")):
        return "n/a"
    return f"{figure['value']:.4g} [{figure['low']:.4g}, {figure['high']:.4g}]"


def _metrics(metrics: Mapping[str, Any]) -> list[str]:
    rows = list(_leaves(metrics))
    return ["## Metrics", "", *(_table(("metric", "value"), *rows) if rows else ["None were recorded."])]


def _leaves(metrics: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and values of nested metrics; long lists stay in the manifest."""
    for name, value in metrics.items():
        if isinstance(value, Mapping) and value.keys() == {"value", "low", "high"}:
            yield f"{path}{name}", _interval(value)
        elif isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        elif not isinstance(value, list):
            yield f"{path}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)


def _settings(settings: Mapping[str, Any]) -> str:
    """Settings in brackets; those too long to read stay in the manifest."""
    shown = [f"{name} = {value if len(str(value)) <= 40 else '...'}" for name, value in settings.items()]
    return f"({', '.join(shown)})" if shown else "(defaults)"


def _table(*rows: tuple[str, ...]) -> list[str]:
    """A Markdown table; the first row is the head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return [lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]
