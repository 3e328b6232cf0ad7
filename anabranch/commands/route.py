"""anabranch route"""

from pathlib import Path

import numpy as np
from rich.table import Table

from anabranch.commands.answer import Answer
from anabranch.data.routing_text import routing_text
from anabranch.export.bundle import read_bundle
from anabranch.export.session import router_in
from anabranch.routers.choice import choose


def route(bundle: Path, prompt: str, *, tradeoff: float | None = None) -> Answer:
    """Say which arm a bundle chooses for a prompt, and why.

    Args:
        bundle: bundle folder.
        prompt: the user's text.
        tradeoff: 0 = cheapest, 1 = best; the calibrated one if not given.
    """
    opened = read_bundle(bundle)
    router = router_in(opened)
    choice = choose(router, routing_text(prompt), tradeoff)
    chosen = router.arms[choice.arm]
    rows = [
        {"arm": arm, "quality": float(quality), "cost_usd": None if np.isnan(cost) else float(cost)}
        for arm, quality, cost in zip(router.arms, choice.quality, choice.cost_usd, strict=True)
    ]
    title = f"{chosen} ({choice.reason}, trade-off {choice.tradeoff:.3f})"
    table = Table("arm", "quality", "cost, USD", title=title)
    for row in sorted(rows, key=lambda row: -float(row["quality"] or 0)):
        price = "n/a" if row["cost_usd"] is None else f"{row['cost_usd']:.6f}"
        table.add_row(str(row["arm"]), f"{row['quality']:.4f}", price, style="bold" if row["arm"] == chosen else None)
    data = {
        "arm": chosen,
        "bundle": opened.id,
        "reason": choice.reason,
        "tradeoff": choice.tradeoff,
        "estimates": rows,
    }
    return Answer(table, data)
