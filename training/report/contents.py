"""What an evaluation found, as plain data: every view of a report is drawn from these."""

from dataclasses import dataclass
from typing import Literal

CostUnit = Literal["usd", "strong_share", "none"]


@dataclass(frozen=True)
class Interval:
    """A figure and its bootstrap interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CurvePoint:
    """Mean quality and cost at one trade-off; the unit of cost is the report's, None if there is none."""

    tradeoff: float
    quality: Interval
    cost: Interval | None


@dataclass(frozen=True)
class Row:
    """One line of the main table.

    Args:
        name: of the router, cascade, fusion or baseline.
        kind: router, cascade, fusion, single, or baseline.
        quality: mean quality.
        cost: mean cost in the report's unit; None if there is none.
        gain: mean quality minus the best single arm's, paired.
        headroom: share of the way from the best single arm to the oracle.
        coverage: share of prompts whose chosen cells are known; of a cascade, those of all models it may call.
    """

    name: str
    kind: str
    quality: Interval
    cost: Interval | None
    gain: Interval
    headroom: Interval
    coverage: float

    @property
    def compared(self) -> bool:
        """Whether it is what the report is about, a router or a cascade, and no baseline."""
        return self.kind in {"router", "cascade"}


@dataclass(frozen=True)
class TaskRow:
    """A router or cascade on one task, beside the best single arm (chosen on train) and the oracle."""

    task: str
    prompts: int
    quality: Interval
    gain: Interval
    best_single: float
    oracle: float


@dataclass(frozen=True)
class PairRow:
    """RouteLLM's metrics on one family of tasks, for a pair of arms; prompts counts those with both arms known."""

    family: str
    prompts: int
    weak: float
    strong: float
    apgr: Interval
    oracle_apgr: float
    cpt50: Interval
    cpt80: Interval


@dataclass(frozen=True)
class Bin:
    """One bar of the calibration plot: mean estimate, mean outcome, number of cells."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True)
class Example:
    """One decision.

    A cascade estimates nothing; `called` names the models it asked, in no order, and `arm` is "" if it gave no answer.
    """

    prompt_id: str
    task: str
    text: str
    arm: str
    reason: str
    estimated: float
    observed: float
    best_arm: str
    best: float
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether to route.

    Args:
        word: route, do not route, or not enough data.
        because: one sentence with the figures.
        gain: mean quality minus that of the best mix of single arms at the router's cost; `low` is the one-sided 95 %
            bound that the verdict tests.
        prompts: test prompts compared.
        needed: prompts that would show a gain of `smallest_gain`, roughly.
        smallest_gain: the gain that is worth showing.
        saving_usd: USD a request against the mix of the same quality; None without costs.
        break_even_requests: requests after which the labels have paid for themselves; None if they never do.
    """

    word: str
    because: str
    gain: Interval
    prompts: int
    needed: int
    smallest_gain: float
    saving_usd: float | None
    break_even_requests: int | None


@dataclass(frozen=True)
class Calls:
    """What the answers of a cascade took, at its calibrated trade-off.

    Args:
        per_prompt: mean number of calls.
        answered: share of the prompts that got each arm's answer.
        abstained: share of the prompts without an answer; their quality is 0.
        latency_p50_s: median time until the answer, calls one after another added up; NaN if unknown.
        latency_p95_s: the time that 95 % of the prompts keep within.
    """

    per_prompt: Interval
    answered: dict[str, float]
    abstained: Interval
    latency_p50_s: float
    latency_p95_s: float


@dataclass(frozen=True)
class RouterResult:
    """Everything found about one router, or one cascade: that has `calls`, and neither pairs nor bins.

    Args:
        row: its line in the main table, at its calibrated trade-off.
        tradeoff: that trade-off.
        verdict: whether to route with it.
        curve: quality and cost along the knob.
        metrics: scalar metrics by name, e.g. aiq, qnc, audc, peak, regret, hit_rate, brier, ece, auroc.
        shares: share of prompts each arm got at the calibrated trade-off; of a cascade, share of the calls.
        tasks: per task, most prompts first.
        pairs: per family, for two arms; empty otherwise. The family "all" comes first.
        bins: calibration of its quality estimates; empty unless they are calibrated.
        examples: decisions on a few prompts.
        calls: what a cascade's answers took; None of a router.
    """

    row: Row
    tradeoff: float
    verdict: Verdict
    curve: tuple[CurvePoint, ...]
    metrics: dict[str, Interval]
    shares: dict[str, float]
    tasks: tuple[TaskRow, ...]
    pairs: tuple[PairRow, ...]
    bins: tuple[Bin, ...]
    examples: tuple[Example, ...]
    calls: Calls | None = None


@dataclass(frozen=True)
class FusionResult:
    """What models achieved that wrote the answers together, on the prompts of the report.

    Args:
        row: its line in the main table; its cost is an estimate, see `priced`.
        verdict: whether to fuse: fuse, do not fuse, or not enough data; it is that of a router by another word.
        members: those of the models that have recorded answers, each alone.
        best_member: the best of them, chosen on train; "" if none has recorded answers.
        over_best_member: mean quality minus the best member's, paired.
        prompt_tokens: mean that all models together read a prompt.
        computed_tokens: mean that all models together computed for an answer.
        tokens_per_s: so many they computed a second while they answered, loading included; NaN if it was not measured.
        prompts_per_s: answers a second, likewise.
        priced: one sentence on what its cost is, or why it is not known.
    """

    row: Row
    verdict: Verdict
    members: tuple[Row, ...]
    best_member: str
    over_best_member: Interval
    prompt_tokens: Interval
    computed_tokens: Interval
    tokens_per_s: float
    prompts_per_s: float
    priced: str


@dataclass(frozen=True)
class Agreement:
    """Whether two routers, or two cascades, of the same arms decide alike, e.g. a run and its bundle.

    Args:
        first: name.
        second: name.
        equal: share of test prompts with the same arm; of cascades, with the same calls and the same answer.
        unequal_beyond_ties: decisions that differ although the utility gap exceeds `tolerance`.
        tolerance: in units of quality; 0 of cascades, whose ties are not known.
        quality_change: mean quality of second minus first, paired.
        cost_change: mean cost of second minus first, paired, in the report's unit; None if there is none.
    """

    first: str
    second: str
    equal: float
    unequal_beyond_ties: int
    tolerance: float
    quality_change: Interval
    cost_change: Interval | None


@dataclass(frozen=True)
class LearningRow:
    """What routers achieved that learnt from a share of the train prompts.

    Args:
        share: of the train prompts.
        prompts: mean number of them.
        draws: quality of the router of each draw, at its calibrated trade-off.
        quality: the mean over the draws.
        cost: likewise, in the report's unit; None if there is none.
        gain: quality above the best mix of single arms at the same cost, or the best single arm, as in the verdict.
        at_1: mean quality at trade-off 1.
    """

    share: float
    prompts: int
    draws: tuple[float, ...]
    quality: Interval
    cost: Interval | None
    gain: Interval
    at_1: Interval


@dataclass(frozen=True)
class LearningCurve:
    """How a router grows with the number of labelled prompts.

    Args:
        rows: fewest prompts first; the last is the router itself.
        best_single: mean quality of the best single arm, chosen on all train prompts.
        validation: further labelled prompts, which chose every router's trade-off.
        word: whether more labels would help: yes, no, unclear or unknown.
        because: one or two sentences with the figures.
        last_doubling: gain of all prompts minus that of half of them, paired, wide enough that this and the next hold
            together at the report's level; None if half are too few.
        last_doubling_at_1: the same of quality at trade-off 1.
        notes: what a reader must know.
    """

    rows: tuple[LearningRow, ...]
    best_single: Interval
    validation: int
    word: str
    because: str
    last_doubling: Interval | None
    last_doubling_at_1: Interval | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Args:
        labels: name of the label set.
        split: the prompts evaluated.
        prompts: how many.
        arms: A names.
        best_single: the best single arm, chosen on train.
        level: of the intervals, e.g. 0.95.
        replicates: of the paired bootstrap over prompts.
        baselines: each single arm, cheapest, best single, random mix, oracle.
        cost_unit: usd a request; strong_share, the share of calls to the better of two arms; or none.
        frontier: vertices of the best mix of single arms as chosen on train, (cost, quality); empty without costs.
        routers: the routers, then the cascades, in the order given.
        agreements: pairs of routers that claim to be the same.
        notes: what a reader must know, e.g. missing cells.
        learning: how the router grows with its labels; None if that was not asked.
        fusion: models that write together, measured beside the rest; None if that was not asked.
    """

    labels: str
    split: str
    prompts: int
    arms: tuple[str, ...]
    best_single: str
    level: float
    replicates: int
    baselines: tuple[Row, ...]
    cost_unit: CostUnit
    frontier: tuple[tuple[float, float], ...]
    routers: tuple[RouterResult, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...]
    learning: LearningCurve | None = None
    fusion: FusionResult | None = None
