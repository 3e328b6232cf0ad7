import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.outcomes import Outcomes

NAN = np.nan


def table() -> Outcomes:
    return Outcomes.from_arrays(
        ["small", "large"],
        [[0.0, 1.0], [0.5, NAN], [1.0, 0.25]],
        cost_usd=[[1e-6, 1e-4], [2e-6, NAN], [3e-6, 3e-4]],
        splits=["train", "test", "train"],
    )


def test_what_is_not_given_is_unknown() -> None:
    outcomes = Outcomes.from_arrays(["a"], [[0.5], [1.0]])

    assert np.isnan(outcomes.cost_usd).all() and not outcomes.has_cost
    assert np.isnan(outcomes.latency_s).all()
    assert outcomes.prompt_ids == ("p0", "p1")
    assert outcomes.splits == ("train", "train")
    assert outcomes.samples.shape == (2, 1, 1)


def test_arrays_are_copied_and_read_only() -> None:
    given_quality = np.array([[0.5]], np.float32)
    outcomes = Outcomes.from_arrays(["a"], given_quality)
    given_quality[0, 0] = 1.0

    assert outcomes.quality[0, 0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        outcomes.quality[0, 0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": [[1.5]]}, r"quality\[0, 0\] is 1.5; it must lie in \[0, 1\]"),
        ({"quality": [[0.5]], "cost_usd": [[-1.0]]}, r"cost_usd\[0, 0\] is -1.0; it must lie in \[0, inf\]"),
        ({"quality": [[0.5]], "cost_usd": [[1.0, 2.0]]}, r"cost_usd has shape \(1, 2\)"),
        ({"quality": [[0.5]], "texts": ["one", "two"]}, "texts has 2 entries for 1 prompts"),
        ({"quality": [[0.5, 0.5]], "arms": ["a", "a"]}, r"arms must be unique; given twice: \['a'\]"),
        ({"quality": [[0.5]], "samples": [[[2.0]]]}, r"samples\[0, 0, 0\] is 2.0"),
    ],
)
def test_what_breaks_a_rule_is_named(change: dict[str, list[object]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Outcomes.from_arrays(**{"arms": ["a"], **change})  # type: ignore[arg-type]


def test_take_follows_the_order_asked_for() -> None:
    taken = table().take([2, 0])

    assert taken.prompt_ids == ("p2", "p0")
    assert taken.quality.tolist() == [[1.0, 0.25], [0.0, 1.0]]
    assert taken.cost_usd[0].tolist() == [3e-6, 3e-4]


def test_take_accepts_a_mask() -> None:
    assert table().take([False, True, False]).prompt_ids == ("p1",)


def test_split_keeps_its_prompts() -> None:
    assert table().split("train").prompt_ids == ("p0", "p2")


def test_an_empty_split_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'validation' is empty; splits with prompts: \['test', 'train'\]"):
        table().split("validation")


def test_with_splits_renames_and_nothing_else() -> None:
    renamed = table().with_splits(["test"] * 3)

    assert renamed.splits == ("test",) * 3
    assert renamed.prompt_ids == table().prompt_ids
    np.testing.assert_array_equal(renamed.quality, table().quality)


def test_select_orders_arms() -> None:
    selected = table().select(["large", "small"])

    assert selected.arms == ("large", "small")
    assert selected.quality[0].tolist() == [1.0, 0.0]
    assert selected.samples[2, :, 0].tolist() == [0.25, 1.0]


def test_select_names_the_unknown_and_the_known() -> None:
    with pytest.raises(ValueError, match=r"unknown models \['huge'\]; models with labels: \['large', 'small'\]"):
        table().select(["small", "huge"])


def test_appended_arms_stand_to_the_right_with_samples_padded() -> None:
    one = Outcomes.from_arrays(["a"], [[0.5]])
    two = Outcomes.from_arrays(["b"], [[0.5]], samples=[[[0.0, 1.0]]])

    both = one.append_arms(two)

    assert both.arms == ("a", "b")
    np.testing.assert_array_equal(both.samples, [[[0.5, NAN], [0.0, 1.0]]])


def test_arms_of_other_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="same prompts"):
        table().append_arms(table().take([0]))


@pytest.mark.parametrize(
    ("cost_usd", "tokens", "kind"),
    [
        ([[1.0], [NAN]], [[NAN], [NAN]], "cost_usd"),
        ([[1.0], [1.0]], [[9.0], [NAN]], "completion_tokens"),
        ([[NAN], [NAN]], [[NAN], [NAN]], "unknown"),
    ],
)
def test_usage_kind_needs_half_of_the_labels(cost_usd: list[list[float]], tokens: list[list[float]], kind: str) -> None:
    outcomes = Outcomes.from_arrays(["a"], [[1.0], [1.0]], cost_usd=cost_usd, completion_tokens=tokens)

    assert outcomes.usage_kind == kind


def test_usage_of_cells_without_quality_does_not_count() -> None:
    outcomes = Outcomes.from_arrays(["a"], [[NAN], [1.0], [1.0], [1.0]], cost_usd=[[1.0], [1.0], [NAN], [NAN]])

    assert outcomes.usage_kind == "unknown"  # 1 of 3 labelled cells


@given(st.permutations(range(5)))
def test_taking_and_selecting_commute(order: list[int]) -> None:
    quality = np.arange(10).reshape(5, 2) / 10
    outcomes = Outcomes.from_arrays(["a", "b"], quality)

    one = outcomes.take(order).select(["b"])
    other = outcomes.select(["b"]).take(order)

    assert one.prompt_ids == other.prompt_ids
    assert one.quality.tolist() == other.quality.tolist()
