"""anabranch route"""

from pathlib import Path

import numpy as np
from rich.table import Table

from anabranch.commands.answer import Answer
from anabranch.data.routing_text import routing_text
from anabranch.export.bundle import read_bundle
from anabranch.export.session import router_in
from anabranch.routers.policies.policy import Situation


def route(bundle: Path, prompt: str, *, tradeoff: float | None = None) -> Answer:
    """Say which arm a bundle chooses for a prompt, and why.

    Args:
        bundle: bundle folder.
        prompt: the user's text.
        tradeoff: 0 = cheapest, 1 = best; the calibrated one if not given.
    """
    opened = read_bundle(bundle)
    router = router_in(opened)
    router = router if tradeoff is None else router.at(tradeoff)
    texts = [routing_text(prompt)]
    estimates, cost_usd = router.estimates(texts, router.tradeoff)
    decision = router.policy.decide(Situation(estimates, cost_usd, np.array([router.tradeoff])))
    chosen = router.arms[int(decision.arm[0])]
    rows = [
        {"arm": arm, "quality": float(quality), "cost_usd": None if np.isnan(cost) else float(cost)}
        for arm, quality, cost in zip(router.arms, estimates.quality[0], cost_usd[0], strict=True)
    ]
    title = f"{chosen} ({decision.reason[0]}, trade-off {router.tradeoff:.3f})"
    table = Table("arm", "quality", "cost, USD", title=title)
    for row in sorted(rows, key=lambda row: -float(row["quality"] or 0)):
        price = "n/a" if row["cost_usd"] is None else f"{row['cost_usd']:.6f}"
        table.add_row(str(row["arm"]), f"{row['quality']:.4f}", price, style="bold" if row["arm"] == chosen else None)
    data = {
        "arm": chosen,
        "bundle": opened.id,
        "reason": decision.reason[0],
        "tradeoff": router.tradeoff,
        "estimates": rows,
    }
    return Answer(table, data)
