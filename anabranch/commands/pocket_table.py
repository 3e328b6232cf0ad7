"""anabranch pocket table"""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.commands.pocket_prompts import prompts as write_prompts
from anabranch.commands.routers import open_router
from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.training.fit import fit
from anabranch.training.paired import Paired
from anabranch.training.pool_worth import LOOKUP, PoolWorth, pool_worth, quality_by
from anabranch.training.report.contents import Interval
from anabranch.upstreams.pocket.pool import pocket_pool

ROUTER = "logistic on n-grams"


def table(*, labels: Path | None = None, replicates: int = 1000, seed: int = 0) -> Answer:
    """Recompute what the pocket models can do, and how much of the oracle's headroom can be learnt.

    The best single model and the best model of each family are named on the 3,000 training prompts, on which a logistic
    router on hashed n-grams learns, too; everything is measured on the 2,000 test prompts.

    Args:
        labels: folder for the answers, to keep them or to resume; a temporary one if not given.
        replicates: of the bootstrap.
        seed: of the bootstrap and of the router.
    """
    with TemporaryDirectory() as scratch:
        folder = labels or Path(scratch) / "labels"
        write_prompts(out=Path(scratch) / "prompts")
        Collection(pocket_pool(), read_prompts(Path(scratch) / "prompts"), folder).run(Console(stderr=True))
        run = Path(scratch) / "run"
        fit(
            folder,
            run,
            "logistic",
            encoder="hashing",
            encoder_options={"width": 1024},
            seed=seed,
            cache=Path(scratch) / "cache",
            tracker="disabled",
            progress=False,
        )
        answers = read_labels(folder)
        outcomes = answers.outcomes(pocket_pool().names)
        train, test = outcomes.split("train"), outcomes.split("test")
        # at trade-off 1 a router aims at quality alone
        router = open_router(run, Path(scratch) / "cache").at(1.0)
        arms = np.array([outcomes.arms.index(arm) for arm in router.arms])
        choice = arms[router.decide(test.texts).arm]
    worth = pool_worth(train, test, {ROUTER: choice}, Paired.draw(len(test), replicates, seed))
    kinds = quality_by(test, _kinds(answers))
    return Answer(_shown(worth), {**asdict(worth), "kinds": kinds})


def _kinds(answers: LabelSet) -> list[str]:
    """family/kind of each test prompt."""
    columns = (answers.prompts[name].to_pylist() for name in ("task", "kind", "split"))
    return [f"{task}/{kind}" for task, kind, split in zip(*columns, strict=True) if split == "test"]


def _shown(worth: PoolWorth) -> Group:
    models = list(worth.cost_usd)
    table = Table("family", *models, title=f"accuracy on {worth.prompts} prompts that no model has read")
    for task, row in worth.tasks.items():
        best = max(row.values())
        table.add_row(
            task, *(f"[bold]{value:.2f}[/bold]" if value == best else f"{value:.2f}" for value in row.values())
        )
    table.add_section()
    table.add_row("all", *(f"{worth.quality[model].value:.3f}" for model in models))
    table.add_row("USD a request", *(f"{worth.cost_usd[model]:.2e}" for model in models))
    lines = [
        f"best single {worth.best_single}: {_spread(worth.quality[worth.best_single])}",
        f"oracle: {_spread(worth.quality['oracle'])}",
        *(
            f"{name}: {_spread(worth.quality[name])}; of the headroom {_spread(worth.recovered[name])}"
            for name in (LOOKUP, ROUTER)
        ),
        f"{ROUTER} beyond the {LOOKUP}: {_spread(worth.beyond_lookup[ROUTER])} of the headroom",
    ]
    return Group(table, *(Text(line) for line in lines))


def _spread(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
