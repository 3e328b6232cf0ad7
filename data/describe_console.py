"""A description of a label set, as tables for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table

from anabranch.data.describe import Description, LabelFacts

_SPLITS = ("train", "validation", "test")


def render(description: Description) -> RenderableType:
    """The facts of a label set as tables: prompts, models, and what to mind."""
    labels = description.labels
    tables = [_prompts(description), *([_models(labels)] if labels else []), _facts(description)]
    return Group(*tables)


def _prompts(description: Description) -> Table:
    table = Table("task", title=f"{description.prompts:,} prompts", title_justify="left")
    for split in _SPLITS:
        table.add_column(split, justify="right")
    for task, splits in description.tasks.items():
        table.add_row(task, *(f"{splits.get(split, 0):,}" for split in _SPLITS))
    table.add_section()
    table.add_row("all", *(f"{description.splits.get(split, 0):,}" for split in _SPLITS))
    return table


def _models(labels: LabelFacts) -> Table:
    table = Table("model", title=f"{len(labels.models)} models", title_justify="left")
    for column in ("labelled", "mean quality", "mean cost (USD)"):
        table.add_column(column, justify="right")
    for model in labels.models:
        cost = "not known" if model.cost_usd is None else f"{model.cost_usd:.3g}"
        table.add_row(model.name, f"{model.coverage:.1%}", _quality(model.quality), cost)
    return table


def _facts(description: Description) -> Table:
    table = Table(show_header=False, title="facts", title_justify="left")
    for name, value in {
        **(_label_rows(description.labels) if description.labels else {"labels": "none, preferences only"}),
        "preferences": f"{description.preferences:,}",
        "prompts that repeat another": f"{description.exact_duplicates:,} exactly, "
        f"{description.near_duplicates:,} exactly or nearly",
        "prompts also in a later split": f"{description.straddlers:,}",
        "prompts equal to another in their first 256 words": f"{description.colliding_heads:.1%}",
        "... in their first 64 and last 192 words": f"{description.colliding_heads_and_tails:.1%}",
    }.items():
        table.add_row(name, value)
    return table


def _label_rows(labels: LabelFacts) -> dict[str, str]:
    return {
        f"best single model on {labels.measured_on}": f"{labels.best_single} {_quality(labels.best_single_quality)}",
        f"random model on {labels.measured_on}": _quality(labels.random_quality),
        f"oracle on {labels.measured_on}": _quality(labels.oracle_quality),
        "samples of one prompt and model": f"at most {labels.samples}",
        "missing labels": f"{labels.missing_cells:.1%}",
        "labels with known cost": f"{labels.cost_known:.1%}",
    }


def _quality(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"
