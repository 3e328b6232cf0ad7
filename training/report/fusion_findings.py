"""What to know of models that write together, beyond their line: sentences for the terminal and the page."""

import math
from collections.abc import Iterator

from anabranch.training.report import notation
from anabranch.training.report.contents import FusionResult, Report, Row
from anabranch.training.report.names import short_names


def fusion_findings(report: Report, fused: FusionResult) -> Iterator[str]:
    """The verdict's reason, each member alone, tokens and speed, and what the cost is."""
    yield fused.verdict.because
    names = short_names([*report.arms, *(row.name for row in fused.members)])
    for row in fused.members:
        yield _alone(report, row, names[row.name])
    if fused.best_member:
        gain = notation.interval(fused.over_best_member, signed=True)
        yield f"{gain} quality over {names[fused.best_member]}, the best of its models"
    else:
        yield "none of its models has recorded answers here under its name, so it is compared with none of them"
    read, computed = (notation.interval(one, 1) for one in (fused.prompt_tokens, fused.computed_tokens))
    yield f"all its models together read {read} tokens a prompt and computed {computed} an answer"
    if math.isfinite(fused.prompts_per_s):
        tokens, prompts = (notation.significant(one) for one in (fused.tokens_per_s, fused.prompts_per_s))
        yield f"{tokens} tokens/s computed and {prompts} prompts/s answered on this machine, loading included"
    else:
        yield "its answers were kept from an earlier run, so their speed was not measured"
    yield fused.priced


def _alone(report: Report, row: Row, name: str) -> str:
    cost = "" if row.cost is None else f", {notation.cost(row.cost.value, report.cost_unit)} USD/{notation.REQUESTS:,}"
    return f"alone, {name} has quality {notation.interval(row.quality)}{cost}"
