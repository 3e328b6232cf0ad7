import pytest

from anabranch.routers.estimates import QualityKind
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.registry import (
    CALIBRATED_ONLY,
    POLICIES,
    load_policy,
    policy_settings,
    refuse_uncalibrated,
)
from anabranch.routers.policies.ucb import UCB


def test_settings_are_plain_values_with_inner_policies_inside() -> None:
    assert policy_settings(UCB(0.5, ArgmaxUtility(2.0))) == {"alpha": 0.5, "inner": {"scale_usd": 2.0}}


def test_settings_not_given_keep_their_defaults() -> None:
    assert load_policy("ucb", {"inner": {"scale_usd": 2.0}}) == UCB(1.0, ArgmaxUtility(2.0))


def test_an_unknown_policy_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match=r"unknown policy 'ubc' \(did you mean 'ucb'\?\); known: argmax-utility, "):
        load_policy("ubc", {})


def test_an_unknown_setting_of_an_inner_policy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"policy 'ucb.inner' has no setting 'scale'; its settings: scale_usd"):
        load_policy("ucb", {"inner": {"scale": 2.0}})


def test_a_value_of_the_wrong_type_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"(?s)alpha.*valid number"):
        load_policy("ucb", {"alpha": "much"})


def test_a_policy_of_ones_own_is_named_by_its_path() -> None:
    policy = load_policy("anabranch.routers.policies.argmax_utility:ArgmaxUtility", {"scale_usd": 3.0})
    assert policy == ArgmaxUtility(3.0)


@pytest.mark.parametrize("kind", ["score", "win_rate"])
def test_policies_that_read_expected_quality_refuse_other_estimates(kind: QualityKind) -> None:
    for name in CALIBRATED_ONLY:
        with pytest.raises(ValueError, match=rf"policy '{name}' reads .* kind '{kind}': calibrate them, or choose"):
            refuse_uncalibrated(name, kind)


def test_other_policies_take_any_estimates_and_calibrated_ones_suit_all() -> None:
    assert set(CALIBRATED_ONLY) < set(POLICIES)
    for name in POLICIES:
        refuse_uncalibrated(name, "calibrated")
        if name not in CALIBRATED_ONLY:
            refuse_uncalibrated(name, "score")
