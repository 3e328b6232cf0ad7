"""Everything an evaluation finds about models that write together."""

from dataclasses import dataclass, replace
from math import nan

import numpy as np

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.training.baselines import best_single
from anabranch.training.ground import Ground
from anabranch.training.report.contents import FusionResult, Interval, Row
from anabranch.training.verdict import verdict

_WORDS = {"route": "fuse", "do not route": "do not fuse"}
_UNKNOWN = Interval(nan, nan, nan)


@dataclass(frozen=True, eq=False)
class FusedAnswers:
    """What models that write together answered to n prompts, in the order of the outcomes that it is measured beside.

    Args:
        name: of the fusion.
        quality: [n], all of it known.
        prompt_tokens: [n], that all models together read.
        computed_tokens: [n], that all models together computed.
        cost_usd: [n], an estimate; None if there is none.
        priced: one sentence on the cost.
        members: the models' own recorded answers to these prompts; None if there are none.
        members_on_train: the same on the prompts that name the best of them.
        tokens_per_s: see `FusionResult`.
        prompts_per_s: see `FusionResult`.
    """

    name: str
    quality: Floats
    prompt_tokens: Floats
    computed_tokens: Floats
    cost_usd: Floats | None
    priced: str
    members: Outcomes | None
    members_on_train: Outcomes | None
    tokens_per_s: float = nan
    prompts_per_s: float = nan


def fusion_result(answers: FusedAnswers, ground: Ground) -> FusionResult:
    """Measure a fusion on the same ground, and with the same bootstrap draws, as routers.

    Args:
        answers: to the ground's prompts.
        ground: what it is measured against; its cost counts only where costs are USD.
    """
    paired = ground.paired
    quality = paired.means(answers.quality)
    cost = None if answers.cost_usd is None or ground.unit != "usd" else paired.means(answers.cost_usd)
    judged = verdict(quality, cost, ground.bar, paired)
    best, gain = _best_member(answers, ground)
    return FusionResult(
        row=ground.row_of(answers.name, "fusion", quality, cost),
        # what its labels cost is not what a fusion has to earn back: it learns nothing from them
        verdict=replace(judged, word=_WORDS.get(judged.word, judged.word), break_even_requests=None),
        members=_members(answers.members, ground),
        best_member=best,
        over_best_member=gain,
        prompt_tokens=paired.interval(paired.means(answers.prompt_tokens)),
        computed_tokens=paired.interval(paired.means(answers.computed_tokens)),
        tokens_per_s=answers.tokens_per_s,
        prompts_per_s=answers.prompts_per_s,
        priced=answers.priced,
    )


def _best_member(answers: FusedAnswers, ground: Ground) -> tuple[str, Interval]:
    members, train = answers.members, answers.members_on_train
    if members is None or train is None:
        return "", _UNKNOWN
    best = best_single(train)
    gain = answers.quality - members.quality[:, best]
    return members.arms[best], ground.paired.interval(ground.paired.means(gain))


def _members(members: Outcomes | None, ground: Ground) -> tuple[Row, ...]:
    if members is None:
        return ()
    quality, cost = ground.paired.means(members.quality), ground.paired.means(members.cost_usd)
    known = (~np.isnan(members.quality)).mean(axis=0)
    return tuple(
        ground.row_of(name, "single", quality[:, at], cost[:, at] if ground.unit == "usd" else None, float(known[at]))
        for at, name in enumerate(members.arms)
    )
