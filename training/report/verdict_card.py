"""Verdicts in plain words, with the figures a person asks for next."""

import math
from dataclasses import dataclass

from anabranch.training.report.contents import CostUnit, FusionResult, Report, RouterResult
from anabranch.training.report.names import kinds_of, short_names
from anabranch.training.report.notation import (
    MISSING,
    REQUESTS,
    cost,
    number,
    percent,
    seconds,
    significant,
)
from anabranch.training.verdict import ALPHA

_TONES = {"route": "yes", "fuse": "yes", "do not route": "no", "do not fuse": "no", "not enough data": "unsure"}
_MIXES: dict[CostUnit, str] = {
    "usd": "the best mix of single models at the same cost",
    "strong_share": "sending the same share of prompts to the better model at random",
}


@dataclass(frozen=True)
class Fact:
    """A figure, what it is, and what to compare it with."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Card:
    """The verdict on a router or a cascade.

    Args:
        name: of the router.
        word: the verdict.
        tone: yes, no or unsure.
        meaning: one or two sentences.
        facts: the figures.
    """

    name: str
    word: str
    tone: str
    meaning: str
    facts: tuple[Fact, ...]


def answer(report: Report) -> tuple[str, str]:
    """The tone and the sentence that answer whether to route at all."""
    words, kinds = [one.verdict.word for one in report.routers], kinds_of(report)
    if not words and report.fusion is not None:
        fused = fusion_card(report, report.fusion)
        return fused.tone, f"No router was evaluated. {fused.name}: {fused.word}. {fused.meaning}"
    if not words:
        return "unsure", "No router was evaluated: these are the baselines."
    if "route" in words:
        best = max((one for one in report.routers if one.verdict.word == "route"), key=_bound)
        gain, against = f"at least {number(_bound(best), signed=True)}", compared_with(report, best)
        if len(words) == 1:
            return "yes", f"Yes: {best.row.name} beats {against}, by {gain}."
        few = f"{words.count('route')} of {len(words)} {' and '.join(f'{kind}s' for kind in kinds)}"
        return "yes", f"Yes, with {few}. The surest gain over {against} is {best.row.name}'s: {gain}."
    if "not enough data" in words:
        return "unsure", f"Not shown: {report.prompts:,} prompts are not enough to tell."
    return "no", f"No: no {' or '.join(kinds)} beats {compared_with(report)}."


def verdict_card(report: Report, result: RouterResult) -> Card:
    """The verdict on a router or a cascade in plain words."""
    word = result.verdict.word
    facts = (_gain(result), _quality(report, result), *_costs(report, result), *_calls(result), *_outlook(result))
    return Card(result.row.name, word, _TONES[word], _meaning(report, result), facts)


def fusion_card(report: Report, fused: FusionResult) -> Card:
    """The verdict on models that write together in plain words."""
    word = fused.verdict.word
    facts = (_gain(fused), _quality(report, fused), *_costs(report, fused), *_tokens(fused))
    return Card(fused.row.name, word, _TONES[word], _meaning(report, fused), facts)


def compared_with(report: Report, result: RouterResult | FusionResult | None = None) -> str:
    """What the verdict compares a router with; one whose own cost is not known is compared with the best model."""
    unpriced = report.cost_unit == "none" or (result is not None and result.row.cost is None)
    return f"always asking {_best(report)}" if unpriced else _MIXES[report.cost_unit]


def _meaning(report: Report, result: RouterResult | FusionResult) -> str:
    verdict, against = result.verdict, compared_with(report, result)
    looking = _looking(result)
    if verdict.word in {"route", "fuse"}:
        return f"{looking} pays: it beats {against}."
    smallest = f"{verdict.smallest_gain:g}"
    if verdict.word == "not enough data":
        return f"{verdict.prompts:,} prompts cannot tell: about {verdict.needed:,} would show a gain of {smallest}."
    if verdict.gain.high < 0:
        return f"{looking} does harm: it does worse than {against}."
    return f"It does not beat {against}, and a gain of {smallest} is ruled out or would have shown."


def _looking(result: RouterResult | FusionResult) -> str:
    if isinstance(result, FusionResult):
        return "Writing together"
    return f"Looking at the {'prompt' if result.calls is None else 'answers'}"


def _tokens(fused: FusionResult) -> list[Fact]:
    """What its answers take."""
    read = f"and {number(fused.prompt_tokens.value, 1)} read a prompt, by all its models together"
    facts = [Fact("Tokens computed", number(fused.computed_tokens.value, 1), read)]
    if math.isfinite(fused.prompts_per_s):
        facts.append(
            Fact("Speed", f"{significant(fused.prompts_per_s)} prompts/s", "on this machine, loading included")
        )
    return facts


def _gain(result: RouterResult | FusionResult) -> Fact:
    bound = number(_bound(result), signed=True)
    sure = f"at least {bound} with {percent(1 - ALPHA)} confidence"
    note = sure if _bound(result) > 0 else f"could be as low as {bound}"
    return Fact("Gain", number(result.verdict.gain.value, signed=True), note)


def _quality(report: Report, result: RouterResult | FusionResult) -> Fact:
    note = f"{number(result.row.gain.value, signed=True)} against {_best(report)} alone"
    return Fact("Quality", number(result.row.quality.value), note)


def _costs(report: Report, result: RouterResult | FusionResult) -> list[Fact]:
    if result.row.cost is None:
        return []
    value = cost(result.row.cost.value, report.cost_unit)
    single = next((row for row in report.baselines if row.name == report.best_single and row.cost), None)
    if report.cost_unit != "usd":
        return [Fact("Strong calls", value, "")]
    note = ""
    if single and single.cost and single.cost.value > 0:
        note = f"{percent(result.row.cost.value / single.cost.value)} of what {_best(report)} costs"
    return [Fact(f"Cost per {REQUESTS:,}", f"{value} USD", note)]


def _calls(result: RouterResult) -> list[Fact]:
    """What a cascade's answers take."""
    if result.calls is None:
        return []
    none = result.calls.abstained.value
    facts = [Fact("Calls per prompt", number(result.calls.per_prompt.value, 2), _unanswered(none) if none else "")]
    if math.isfinite(result.calls.latency_p50_s):
        late = f"95 % of the prompts within {seconds(result.calls.latency_p95_s)}"
        facts.append(Fact("Median latency", seconds(result.calls.latency_p50_s), late))
    return facts


def _unanswered(share: float) -> str:
    return f"{percent(share, 1)} of the prompts get no answer"


def _outlook(result: RouterResult) -> list[Fact]:
    """What routing saves; only where the verdict is to route, as otherwise the saving may be chance as well."""
    verdict = result.verdict
    if verdict.word != "route" or verdict.saving_usd is None:
        return []
    if verdict.saving_usd <= 0:
        return [Fact("Saving", MISSING, "no mix of single models is as good")]
    saving = f"{significant(verdict.saving_usd * REQUESTS)} USD"
    facts = [Fact(f"Saving per {REQUESTS:,}", saving, "against the mix of the same quality")]
    if verdict.break_even_requests is not None:
        after = f"{verdict.break_even_requests:,} requests"
        facts.append(Fact("Break-even", after, "until the saving has paid for the labels"))
    return facts


def _bound(result: RouterResult | FusionResult) -> float:
    return result.verdict.gain.low


def _best(report: Report) -> str:
    return short_names(report.arms).get(report.best_single, report.best_single)
