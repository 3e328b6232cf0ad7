"""A curve in every bootstrap row as points with intervals."""

from collections.abc import Sequence

from anabranch.training.metrics.curve import Curve
from anabranch.training.paired import Paired
from anabranch.training.report.contents import CurvePoint


def curve_points(knobs: Sequence[float], curve: Curve, paired: Paired) -> tuple[CurvePoint, ...]:
    """One point a knob; columns of the curve beyond the knobs are left out."""
    return tuple(
        CurvePoint(
            tradeoff=float(knob),
            quality=paired.interval(curve.quality[:, t]),
            cost=None if curve.cost_usd is None else paired.interval(curve.cost_usd[:, t]),
        )
        for t, knob in enumerate(knobs)
    )
