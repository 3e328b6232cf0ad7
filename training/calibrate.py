"""Set the one knob: a trade-off that meets a target on validation outcomes."""

from dataclasses import dataclass, replace

import numpy as np

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.estimates import QualityKind
from anabranch.routers.policies.policy import Policy
from anabranch.routers.policies.registry import policy_settings, refuse_uncalibrated
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.routers.recipe import recipe_of
from anabranch.routers.router import Router
from anabranch.routers.run import Run
from anabranch.training.baselines import best_single
from anabranch.training.choices import knobs_of, try_out
from anabranch.training.control import ControlledRisk, control
from anabranch.training.metrics.curve import Curve, router_curve

KNOTS = 201


@dataclass(frozen=True)
class Target:
    """What the knob is set to reach.

    Args:
        kind: budget (mean USD a request at most), strong (share of calls to the best single arm), floor (mean quality
            at least), best-single (a floor at the best single arm's quality), or risk (share of solvable prompts whose
            set of arms holds no acceptable one at most; for policy risk-controlled, which has a threshold and no knob).
        value: USD, a share in [0, 1], or a quality in [0, 1]; unused by best-single.

    >>> Target.parse("budget=0.002")
    Target(kind='budget', value=0.002)
    """

    kind: str
    value: float = float("nan")

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read `budget=USD`, `strong=SHARE`, `floor=QUALITY`, `risk=SHARE` or `best-single`.

        Raises:
            ValueError: the text is none of these.
        """
        kind, given, value = text.partition("=")
        try:
            number = float(value) if given else float("nan")
        except ValueError:
            number = float("-inf")
        if (kind == "best-single" and not given) or (kind in {"budget", "strong", "floor"} and number >= 0):
            return cls(kind, number)
        if kind == "risk" and 0 < number < 1:
            return cls(kind, number)
        raise ValueError(
            f"target {text!r}; a target is budget=USD, strong=SHARE, floor=QUALITY, risk=SHARE (above 0 and below 1) "
            "or best-single"
        )

    def __str__(self) -> str:
        return self.kind if self.kind == "best-single" else f"{self.kind}={self.value:g}"


@dataclass(frozen=True)
class Calibrated:
    """A trade-off and what it gave on the outcomes it was chosen on.

    Args:
        tradeoff: 0 = cheapest, 1 = best.
        quality: mean quality.
        cost_usd: mean USD a request; NaN if unknown.
        strong_share: share of calls to the best single arm.
    """

    tradeoff: float
    quality: float
    cost_usd: float
    strong_share: float


def settle(
    run: Run, router: Router, train: Outcomes, validation: Outcomes, target: Target
) -> tuple[Run, Calibrated | ControlledRisk]:
    """The run with its policy's scale and trade-off, or its threshold, set on the validation split.

    Args:
        run: what is settled.
        router: of the run; what it estimates of the validation prompts, it estimates without having seen them.
        train: names the strong and the weak arm of a pair: the better and the worse on average.
        validation: prompts that do not test the router.
        target: what to reach.

    Raises:
        ValueError: the policy misreads the estimates, the target is not one of the policy's, or it is out of reach.
    """
    own = recipe_of(run.settings.recipe, run.settings.recipe_settings).policy
    refuse_misuse(run.settings.policy.name, own, run.settings.quality_kind, target)
    if target.kind == "risk":
        controlled, reached = control(router, validation, target.value)
        return _settled(run, controlled, 1.0, target), reached
    policy = fitted_policy(router, train, validation)
    calibrated = calibrate(replace(router, policy=policy), validation, target)
    return _settled(run, policy, calibrated.tradeoff, target), calibrated


def fitted_policy(router: Router, train: Outcomes, validation: Outcomes) -> Policy:
    """The router's policy with its scale set from estimates of validation prompts; no label of theirs is read.

    Args:
        router: its policy is fitted.
        train: names the strong and the weak arm of a pair.
        validation: whose estimates set the scale.
    """
    policy = router.policy
    if isinstance(policy, ThresholdPair):
        policy = replace(policy, strong=(strong := best_single(train)), weak=_weak_of(train, strong))
    return policy.fitted(*router.estimates(validation.texts, 1.0))


def refuse_misuse(policy: str, own: str, quality_kind: QualityKind, target: Target) -> None:
    """Refuse a policy that misreads a router's estimates, and a target that is not one of the policy's.

    Args:
        policy: registry name.
        own: the policy of the router's recipe, whose estimates are what the method made them for.
        quality_kind: what the router's estimates mean.
        target: what to reach.

    Raises:
        ValueError: they do not belong together.
    """
    if policy != own:
        refuse_uncalibrated(policy, quality_kind)
    if policy == "risk-controlled" and target.kind != "risk":
        raise ValueError(f"policy risk-controlled has no trade-off to set to {target}: give a target risk=SHARE")
    if policy != "risk-controlled" and target.kind == "risk":
        raise ValueError(f"target {target} is kept by sets of arms, and policy {policy!r} is not risk-controlled")


def _settled(run: Run, policy: Policy, tradeoff: float, target: Target) -> Run:
    settings = run.settings.policy.model_copy(
        update={"settings": policy_settings(policy), "tradeoff": tradeoff, "target": str(target)}
    )
    return replace(run, settings=run.settings.model_copy(update={"policy": settings}))


def _weak_of(train: Outcomes, strong: int) -> int:
    if len(train.arms) != 2:
        raise ValueError(f"threshold-pair needs two arms and there are {len(train.arms)}; choose two with --models")
    return 1 - strong


def calibrate(router: Router, outcomes: Outcomes, target: Target) -> Calibrated:
    """The trade-off that meets the target on these outcomes.

    The target is checked against what was observed, not against what the router believes, so it holds for scores as
    well as for calibrated qualities.

    Args:
        router: its default trade-off is not read.
        outcomes: validation prompts, the router's arms.
        target: what to reach.

    Raises:
        ValueError: a budget is given and no cost is known, or no trade-off reaches the target.
    """
    knobs = knobs_of(router, KNOTS)
    choices = try_out(router, outcomes.texts, knobs).choices  # (N, T)
    curve = router_curve(outcomes.quality, outcomes.cost_usd if outcomes.has_cost else None, choices)
    strong = best_single(outcomes)
    share = (choices == strong).mean(axis=0)
    chosen = meeting(curve, share, _resolved(target, outcomes, strong))
    cost = float("nan") if curve.cost_usd is None else float(curve.cost_usd[chosen])
    return Calibrated(float(knobs[chosen]), float(curve.quality[chosen]), cost, float(share[chosen]))


def _resolved(target: Target, outcomes: Outcomes, strong: int) -> Target:
    if target.kind != "best-single":
        return target
    return Target("best-single", float(np.nanmean(outcomes.quality[:, strong])))


def meeting(curve: Curve, share: Floats, target: Target) -> int:
    """Which of T settings meets the target: within a budget the best, above a floor the cheapest.

    Args:
        curve: quality and cost at each setting, [T].
        share: of calls to the best single arm, [T]; it stands for cost where no cost is known.
        target: what to reach; the value of best-single is filled in. Where that is out of reach, the best will do.

    Raises:
        ValueError: a budget is given and no cost is known, or no setting reaches the target.
    """
    if target.kind == "strong":
        return int(np.abs(share - target.value).argmin())
    cost = curve.cost_usd if curve.cost_usd is not None else share
    if target.kind == "budget":
        if curve.cost_usd is None:
            raise ValueError("a budget needs costs and these labels have none; give a strong share or a floor")
        within = cost <= target.value
        if not within.any():
            raise ValueError(
                f"no trade-off costs at most {target.value:g} USD a request; the least is {cost.min():.3g}"
            )
        return int(np.lexsort((cost, -np.where(within, curve.quality, -np.inf)))[0])
    enough = curve.quality >= target.value
    if not enough.any():
        if target.kind == "floor":
            raise ValueError(f"no trade-off reaches quality {target.value:g}; the best is {curve.quality.max():.4f}")
        enough = curve.quality >= curve.quality.max()
    return int(np.where(enough, cost, np.inf).argmin())
