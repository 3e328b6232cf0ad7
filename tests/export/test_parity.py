"""The parity check, on routers made of plain functions."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from anabranch.export.parity import PROBES, ParityError, check_parity
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Estimate

TEXTS = ["a", "bb", "ccc"]


def estimate(
    quality: Callable[[int], float] = lambda length: length / 10,
    usage: Callable[[int], float] = lambda length: 1000.0 * length,
    spread: Callable[[int], float] = lambda length: 0.5,
    batch_effect: float = 0.0,
) -> Estimate:
    """Estimates of two arms from the length of each text; `batch_effect` is added where texts share a batch."""

    def answer(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        extra = batch_effect * (len(texts) > 1) + (0 if tradeoff is None else tradeoff[:, None])
        columns = [np.array([[part(len(text))] * 2 for text in texts]) for part in (quality, usage, spread)]
        return Estimates(columns[0] + extra, columns[1], columns[2])

    return answer


def test_equal_estimates_pass() -> None:
    check_parity(estimate(), estimate(), PROBES, usage="cost_usd")
    check_parity(estimate(), estimate(), TEXTS, usage="cost_usd", reads_tradeoff=True)


def test_the_tolerance_is_a_ten_thousandth() -> None:
    """Quality 0.1 against 0.10009 passes, against 0.10011 does not."""
    check_parity(estimate(), estimate(lambda length: length / 10 + 9e-5), TEXTS, usage="cost_usd")
    with pytest.raises(ParityError, match=r"quality of text 0, arm 0, is 0\.1 in torch .* 0\.10011 in ONNX alone"):
        check_parity(estimate(), estimate(lambda length: length / 10 + 1.1e-4), TEXTS, usage="cost_usd")


def test_usage_is_judged_against_the_arms_largest() -> None:
    """The arm's largest usage is 3000, so 0.3 is allowed everywhere: 0.29 more passes, 0.31 more does not."""
    check_parity(estimate(), estimate(usage=lambda length: 1000 * length + 0.29), TEXTS, usage="cost_usd")
    with pytest.raises(ParityError, match=r"cost_usd of text 0, arm 0, is 1000 .* they may differ by 0\.3"):
        check_parity(estimate(), estimate(usage=lambda length: 1000 * length + 0.31), TEXTS, usage="cost_usd")


def test_usage_without_meaning_is_not_compared() -> None:
    check_parity(estimate(), estimate(usage=lambda length: np.nan), TEXTS, usage=None)


def test_unknown_must_be_unknown_on_both_sides() -> None:
    unknown = estimate(usage=lambda length: np.nan)
    check_parity(unknown, unknown, TEXTS, usage="cost_usd")
    for reference, graph in ((unknown, estimate()), (estimate(), unknown)):
        with pytest.raises(ParityError, match="cost_usd"):
            check_parity(reference, graph, TEXTS, usage="cost_usd")


def test_a_graph_that_looks_at_its_batch_is_found() -> None:
    with pytest.raises(ParityError, match="in ONNX in a batch"):
        check_parity(estimate(), estimate(batch_effect=0.01), TEXTS, usage="cost_usd")


def test_an_estimator_that_looks_at_its_batch_is_found() -> None:
    with pytest.raises(ParityError, match="in torch in a batch"):
        check_parity(estimate(batch_effect=0.01), estimate(), TEXTS, usage="cost_usd")


def test_the_row_and_arm_named_are_those_that_differ() -> None:
    def wrong_for_long(length: int) -> float:
        return 0.9 if length == 3 else length / 10

    with pytest.raises(ParityError, match=r"quality of text 2, arm 0, is 0\.3 in torch alone and 0\.9"):
        check_parity(estimate(), estimate(wrong_for_long), TEXTS, usage="cost_usd")


def test_spread_counts_too() -> None:
    with pytest.raises(ParityError, match="spread"):
        check_parity(estimate(), estimate(spread=lambda length: 0.6), TEXTS, usage="cost_usd")


def test_another_number_of_arms_is_named() -> None:
    def three_arms(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        return Estimates(*(np.zeros((len(texts), 3)) for _ in range(3)))

    with pytest.raises(ParityError, match=r"quality has shape \(3, 2\) in torch and \(3, 3\)"):
        check_parity(estimate(), three_arms, TEXTS, usage="cost_usd")


def test_probes_hold_the_awkward_texts() -> None:
    assert "" in PROBES
    assert len(set(PROBES)) == len(PROBES) - 1  # two are equal
    assert max(map(len, PROBES)) > 16_000
    assert any(not text.isascii() for text in PROBES)
