"""What every model card says: where it comes from, what of the prompts is inside, what was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.export.manifest import Sealed
from anabranch.routers.settings import Provenance


def training(origin: Provenance, encoder_fingerprint: str = "") -> list[str]:
    """Where it comes from.

    Args:
        origin: of the training.
        encoder_fingerprint: of the encoder that it reads prompts with, if there is one.
    """
    cost = "unknown" if origin.label_cost_usd is None else f"{origin.label_cost_usd:,.2f} USD"
    return [
        "## Training",
        "",
        *table(
            ("what", "value"),
            *((f"{split} prompts", f"{count:,}") for split, count in origin.prompts.items()),
            *((f"sha256 of {part}", f"`{sha256}`") for part, sha256 in origin.data_sha256.items()),
            ("sha256 of splits", f"`{origin.splits_sha256}`"),
            *([("sha256 of encoder", f"`{encoder_fingerprint}`")] if encoder_fingerprint else []),
            ("cost of labels", cost),
            ("seed", str(origin.seed)),
            ("created", origin.created),
            *((library, version) for library, version in origin.versions.items()),
        ),
    ]


def privacy(manifest: Sealed) -> list[str]:
    """What of the training prompts is inside."""
    if not manifest.contains_user_prompts:
        return ["## User prompts", "", "No user prompt is inside, in any form."]
    warning = "Embeddings can be inverted in part: share this folder as you would share the prompts."
    return ["## User prompts", "", f"Inside is {manifest.user_prompts}. {warning}"]


def curve(evaluation: Mapping[str, Any] | None) -> list[str]:
    """The cost-quality curve of an evaluation, a row a trade-off."""
    if evaluation is None:
        return []
    unit = {"usd": "USD a request", "strong_share": "share of strong calls"}.get(evaluation["cost_unit"], "cost")
    rows = ((f"{p['tradeoff']:.4g}", _interval(p["quality"]), _interval(p["cost"])) for p in evaluation["curve"])
    where = f"{evaluation['prompts']:,} {evaluation['split']} prompts of {evaluation['labels']}"
    verdict = f"Verdict: {evaluation['verdict']}; gain {_interval(evaluation['gain'])}."
    return ["## Curve", "", f"On {where}. {verdict}", "", *table(("trade-off", "mean quality", unit), *rows)]


def _interval(figure: Mapping[str, float | None] | None) -> str:
    if figure is None or any(figure[end] is None for end in ("value", "low", "high")):
        return "n/a"
    return f"{figure['value']:.4g} [{figure['low']:.4g}, {figure['high']:.4g}]"


def metrics(measured: Mapping[str, Any]) -> list[str]:
    """All that was measured, a row a number."""
    rows = list(_leaves(measured))
    return ["## Metrics", "", *(table(("metric", "value"), *rows) if rows else ["None were recorded."])]


def _leaves(measured: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and values of nested metrics; long lists stay in the manifest."""
    for name, value in measured.items():
        if isinstance(value, Mapping) and value.keys() == {"value", "low", "high"}:
            yield f"{path}{name}", _interval(value)
        elif isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        elif not isinstance(value, list):
            yield f"{path}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)


def settings(given: Mapping[str, Any]) -> str:
    """Settings in brackets; those too long to read stay in the manifest."""
    shown = [f"{name} = {value if len(str(value)) <= 40 else '...'}" for name, value in given.items()]
    return f"({', '.join(shown)})" if shown else "(defaults)"


def table(*rows: tuple[str, ...]) -> list[str]:
    """A Markdown table; the first row is the head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return [lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]
