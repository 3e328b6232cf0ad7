"""Set a cascade's knob: the stop that meets a target on validation prompts."""

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.plan import Plan
from anabranch.training.calibrate import Calibrated, Target, meeting
from anabranch.training.cascades.tried import TriedPlan, of_models
from anabranch.training.metrics.bootstrap import bootstrap_means, masked_mean

_NOT_A_CASCADES = {
    "strong": "a cascade calls several models for one prompt, so no share of the prompts goes to the best one",
    "risk": "a cascade chooses no sets of models, of which the target speaks",
}


def settled(plan: Plan, table: ReplayTable, target: Target, *, seed: int = 0) -> tuple[Plan, Calibrated]:
    """The plan at the stop that meets the target, and what that stop gave on these prompts.

    The target is checked against what was observed. A prompt without an answer has quality 0.

    Args:
        plan: its own trade-off is not read.
        table: validation prompts, which train nothing of the plan.
        target: budget, floor or best-single; the best single model is chosen among the plan's, on these prompts.
        seed: of the replay's draws.

    Raises:
        NotReplayable: there is no prompt on which all answers are recorded that the plan may call for.
        ValueError: the target is none of a cascade's, a budget is given and no cost is known, or it is out of reach.
    """
    if target.kind in _NOT_A_CASCADES:
        raise ValueError(
            f"target {target}: {_NOT_A_CASCADES[target.kind]}; give budget=USD, floor=QUALITY or best-single"
        )
    tried = TriedPlan.of(plan, table, seed)
    if target.kind == "budget" and not tried.has_cost:
        raise ValueError("a budget needs costs and these labels have none; give a floor or best-single")
    curve = tried.means()
    single = _single_means(of_models(table, plan.models), tried)
    strong = int(np.nanargmax(single))
    aim = Target(target.kind, float(single[strong])) if target.kind == "best-single" else target
    share = tried.calls[:, strong].sum(axis=0) / tried.calls.sum(axis=(0, 1))  # (K,)
    chosen = meeting(curve, share, aim)
    cost = float("nan") if curve.cost_usd is None else float(curve.cost_usd[chosen])
    tradeoff = plan.knobs()[chosen]
    return plan.at(tradeoff), Calibrated(tradeoff, float(curve.quality[chosen]), cost, float(share[chosen]))


def _single_means(table: ReplayTable, tried: TriedPlan) -> Floats:
    """Mean quality of each of the plan's models on the prompts that count, [M]; a prompt's samples count together."""
    cells = table.quality[tried.known].astype(np.float64)  # (n, M, R)
    each = masked_mean(np.nansum(cells, axis=2), (~np.isnan(cells)).sum(axis=2))
    return np.asarray(bootstrap_means(np.ones((1, len(each))), each)[0])
