from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet, read_labels, write_labels

NAN = np.nan

PROMPTS = pa.table(
    {
        "prompt_id": ["x", "y", "z"],
        "prompt": ["one", "two", "three"],
        "task": ["count", None, "count"],
        "split": ["test", "train", None],
        "colour": ["red", None, "blue"],
    }
)
LABELS = pa.table(
    {
        "prompt_id": ["z", "x", "x", "x"],
        "model": ["m", "n", "m", "m"],
        "sample": [0, 0, 4, 9],
        "quality": [1.0, 0.5, 0.0, 1.0],
        "cost_usd": [None, 0.25, 1.0, 2.0],
        "completion_tokens": [10, None, 20, 40],
        "judge_version": ["v1", "v1", "v2", "v2"],
    }
)
VOTES = pa.table(
    {
        "prompt_id": ["x", "y", "y", "z", "y"],
        "model_a": ["m", "n", "m", "m", "n"],
        "model_b": ["n", "m", "other", "n", "n"],
        "winner": ["a", "tie", "b", "b", "tie"],
        "p_b": [None, None, 1.0, 0.75, 0.5],
    }
)
FULL = LabelSet(PROMPTS, LABELS, VOTES)
VOTES_ONLY = LabelSet(PROMPTS, LABELS.slice(0, 0), VOTES)


def test_outcomes_are_dense_and_nothing_is_dropped() -> None:
    """x has samples 0 and 1 of m: mean 0.5, cost (1 + 2) / 2, tokens (20 + 40) / 2; y has no label at all."""
    outcomes = FULL.outcomes()

    assert outcomes.arms == ("m", "n")
    assert outcomes.prompt_ids == ("x", "y", "z")
    assert outcomes.tasks == ("count", "all", "count")
    assert outcomes.splits == ("test", "train", "train")
    np.testing.assert_array_equal(outcomes.quality, [[0.5, 0.5], [NAN, NAN], [1.0, NAN]])
    np.testing.assert_array_equal(outcomes.cost_usd, [[1.5, 0.25], [NAN, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(outcomes.completion_tokens, [[30, NAN], [NAN, NAN], [10, NAN]])
    assert np.isnan(outcomes.prompt_tokens).all() and np.isnan(outcomes.latency_s).all()


def test_samples_stand_in_the_order_of_their_numbers() -> None:
    """The numbers that occur are 0, 4 and 9."""
    samples = FULL.outcomes().samples

    assert samples.shape == (3, 2, 3)
    np.testing.assert_array_equal(samples[0], [[NAN, 0.0, 1.0], [0.5, NAN, NAN]])
    np.testing.assert_array_equal(samples[2, 0], [1.0, NAN, NAN])


def test_models_are_chosen_and_ordered() -> None:
    outcomes = FULL.outcomes(["n"])

    assert outcomes.arms == ("n",)
    np.testing.assert_array_equal(outcomes.quality, [[0.5], [NAN], [NAN]])


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(LabelError, match=r"unknown models \['k'\]; models in this label set: \['m', 'n'\]"):
        FULL.outcomes(["m", "k"])


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("mno"), st.integers(0, 3)),
        st.sampled_from([0.0, 0.25, 1.0]),
        min_size=1,
    )
)
def test_each_cell_is_the_mean_of_its_rows(rows: dict[tuple[str, str, int], float]) -> None:
    prompt, model, sample = zip(*rows, strict=True)
    table = {"prompt_id": prompt, "model": model, "sample": sample, "quality": list(rows.values())}

    outcomes = LabelSet(PROMPTS, pa.table(table)).outcomes()

    for (i, name), (j, arm) in product(enumerate(outcomes.prompt_ids), enumerate(outcomes.arms)):
        of_cell = [value for key, value in rows.items() if key[:2] == (name, arm)]
        expected = np.mean(of_cell) if of_cell else NAN
        np.testing.assert_allclose(outcomes.quality[i, j], expected, rtol=1e-6)
        known = outcomes.samples[i, j][~np.isnan(outcomes.samples[i, j])]
        assert sorted(known) == sorted(of_cell)


def test_votes_between_two_arms() -> None:
    """A winner a without p_b is 0 for b, a tie is 0.5; "other" was not chosen, n against n says nothing."""
    votes = FULL.votes(["n", "m"], ["x", "y", "z"])

    assert votes is not None
    assert votes.arms == ("n", "m")
    assert votes.prompt.tolist() == [0, 1, 2]
    assert votes.arm_a.tolist() == [1, 0, 1]
    assert votes.arm_b.tolist() == [0, 1, 0]
    assert votes.p_b.tolist() == [0.0, 0.5, 0.75]
    assert votes.weight.tolist() == [1.0, 1.0, 1.0]


def test_votes_follow_the_rows_of_the_prompts_given() -> None:
    votes = FULL.votes(["m", "n"], ["z", "x"])

    assert votes is not None
    assert votes.prompt.tolist() == [1, 0]


def test_there_may_be_no_votes() -> None:
    assert FULL.votes(["m"], FULL.prompt_ids) is None
    assert LabelSet(PROMPTS, LABELS).votes(["m", "n"], ["x"]) is None


def test_an_arm_without_labels_or_votes_is_named() -> None:
    assert FULL.votes(["m#3", "other"], FULL.prompt_ids) is None
    with pytest.raises(LabelError, match=r"unknown models \['k'\]; .* \['m', 'n', 'other'\]"):
        FULL.votes(["m", "k"], FULL.prompt_ids)


def test_a_set_of_preferences_only_gives_votes_and_no_outcomes() -> None:
    assert VOTES_ONLY.arms() == ("m", "n", "other")
    votes = VOTES_ONLY.votes(VOTES_ONLY.arms(), VOTES_ONLY.prompt_ids)
    assert votes is not None and len(votes) == 4
    with pytest.raises(LabelError, match=r"labels.parquet is empty.*votes"):
        VOTES_ONLY.outcomes()


def test_a_round_trip_keeps_every_column(tmp_path: Path) -> None:
    write_labels(FULL, tmp_path / "new" / "folder")
    again = read_labels(tmp_path / "new" / "folder")

    assert again.prompts.equals(PROMPTS)
    assert again.labels.equals(LABELS)
    assert again.preferences is not None and again.preferences.equals(VOTES)
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == [
        "labels.parquet",
        "preferences.parquet",
        "prompts.parquet",
    ]


def test_votes_that_are_no_longer_there_do_not_stay_behind(tmp_path: Path) -> None:
    write_labels(FULL, tmp_path)
    write_labels(LabelSet(PROMPTS, LABELS), tmp_path)

    assert read_labels(tmp_path).preferences is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """Parquet has no union type, so the second file fails after the first was written."""
    write_labels(FULL, tmp_path)
    union = pa.UnionArray.from_dense(pa.array([0] * 4, pa.int8()), pa.array(range(4), pa.int32()), [pa.array("abcd")])
    other = LabelSet(PROMPTS.drop_columns(["colour"]), LABELS.append_column("either", union))

    with pytest.raises(pa.ArrowNotImplementedError):
        write_labels(other, tmp_path)

    assert read_labels(tmp_path).hashes() == FULL.hashes()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_missing_file_says_what_is_there(tmp_path: Path) -> None:
    pq.write_table(PROMPTS, tmp_path / "prompts.parquet")

    with pytest.raises(LabelError, match=r"labels.parquet not found; .* there: \['prompts.parquet'\]"):
        read_labels(tmp_path)
    with pytest.raises(LabelError, match="there: no folder"):
        read_labels(tmp_path / "nowhere")


def test_half_a_file_is_refused_by_name(tmp_path: Path) -> None:
    write_labels(FULL, tmp_path)
    file = tmp_path / "labels.parquet"
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(LabelError, match=r"labels.parquet cannot be read as parquet"):
        read_labels(tmp_path)


def test_hashes_do_not_depend_on_the_writer(tmp_path: Path) -> None:
    """Other column order, compression, row groups, text encoding, and integers that pandas made floating."""
    tokens = LABELS["completion_tokens"].cast(pa.float64())
    other = LABELS.set_column(5, "completion_tokens", tokens).select(sorted(LABELS.column_names))
    other = other.set_column(other.column_names.index("model"), "model", other["model"].dictionary_encode())
    pq.write_table(PROMPTS, tmp_path / "prompts.parquet", compression="none", row_group_size=1)
    pq.write_table(other, tmp_path / "labels.parquet", compression="gzip", row_group_size=2)
    pq.write_table(VOTES, tmp_path / "preferences.parquet", use_dictionary=False)

    assert read_labels(tmp_path).hashes() == FULL.hashes()


def test_hashes_tell_which_table_changed() -> None:
    changed = LabelSet(PROMPTS, LABELS.set_column(3, "quality", [[1.0, 0.5, 0.0, 0.5]]), VOTES)

    assert {name for name, value in changed.hashes().items() if value != FULL.hashes()[name]} == {"labels"}


def test_messages_give_the_routing_text_as_structs_or_json() -> None:
    """The system prompt is left out; a row without messages falls back to its prompt."""
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}]
    as_json = '[{"role": "user", "content": [{"type": "text", "text": "one"}]}]'
    structs = pa.table({"prompt_id": ["x", "y"], "messages": [chat, None], "prompt": ["-", "two"]})
    json = pa.table({"prompt_id": ["x", "y"], "messages": [as_json, None], "prompt": ["-", "two"]})

    assert LabelSet(structs, LABELS.slice(1)).texts == ("one", "two")
    assert LabelSet(json, LABELS.slice(1)).texts == ("one", "two")
