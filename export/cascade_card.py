"""The model card of a cascade's bundle."""

from collections.abc import Sequence

from anabranch.export.card_sections import curve, metrics, privacy, settings, table, training
from anabranch.export.manifest import CascadeManifest
from anabranch.routers.deferral.settings import CascadeSettings


def cascade_card(name: str, manifest: CascadeManifest) -> str:
    """The README.md of a cascade's bundle, in Markdown.

    Args:
        name: of the folder.
        manifest: what the bundle is made of.
    """
    cascade = manifest.cascade
    sections = (
        _head(name, cascade),
        _models(cascade),
        _stops(cascade),
        training(manifest.provenance),
        privacy(manifest),
        curve(manifest.metrics.get("evaluation")),
        metrics(manifest.metrics),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _head(name: str, cascade: CascadeSettings) -> list[str]:
    estimates = "a router's estimates, in `router/`" if cascade.has_router else "nothing"
    kinds = [f"{signal['name']} ({signal['kind']})" for signal in cascade.signals]
    return [
        f"# {name}",
        "",
        f"A cascade over {len(cascade.models)} models: it asks them step by step, until an answer will do.",
        "Made by Anabranch; it runs without torch.",
        "",
        "```sh",
        f"anabranch serve {name} --pool POOL.yaml --tradeoff {cascade.tradeoff:g}",
        "```",
        "",
        *table(
            ("part", "choice"),
            ("cascade", f"{cascade.recipe} {settings(cascade.recipe_settings)}"),
            ("trade-off", f"{cascade.tradeoff:g} (0 = cheapest, 1 = best), calibrated to: {cascade.target}"),
            ("read before any call", estimates),
            ("worked out of answers", ", ".join(kinds) or "nothing"),
            ("answers are compared", f"as {cascade.answers}" if cascade.answers else "never"),
            ("routing text", f"version {cascade.routing_text_version}"),
        ),
    ]


def _models(cascade: CascadeSettings) -> list[str]:
    costs = cascade.usual_cost_usd or (None,) * len(cascade.models)
    rows = zip(cascade.models, map(_usd, costs), strict=True)
    return ["## Models", "", *table(("model", "usual USD a call, as recorded"), *rows)]


def _stops(cascade: CascadeSettings) -> list[str]:
    """What the policies reached, a row a stop of the knob."""
    last = len(cascade.stops) - 1
    rows: Sequence[tuple[str, ...]] = [
        (f"{place / last if last else 1:.4g}", str(stop.policy["kind"]), f"{stop.quality:.4g}", _usd(stop.cost_usd))
        for place, stop in enumerate(cascade.stops)
    ]
    heads = ("trade-off", "policy", "mean quality", "mean USD a request")
    fitted = "Means over the prompts that the policies were fitted on, which flatter them."
    return [
        "## Stops",
        "",
        fitted,
        "",
        *table(heads, *rows),
        *([] if cascade.promise is None else ["", cascade.promise]),
    ]


def _usd(usd: float | None) -> str:
    return "n/a" if usd is None else f"{usd:.4g}"
