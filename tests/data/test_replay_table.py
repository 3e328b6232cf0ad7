import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet
from anabranch.data.replay_table import ReplayTable, replay_table


def label_set() -> LabelSet:
    """Two prompts; large answered once to x, small twice to x and once to y."""
    prompts = pa.table({"prompt_id": ["x", "y"], "prompt": ["2 + 2?", "3 + 3?"], "split": ["train", "test"]})
    stats = [{"tokens": 2, "mean": -0.5, "min": -0.75}, None, {"tokens": 1, "mean": -0.1, "min": -0.1}, None]
    labels = pa.table(
        {
            "prompt_id": ["x", "x", "x", "y"],
            "model": ["small", "small", "large", "small"],
            "sample": [0, 1, 0, 0],
            "quality": [0.0, 1.0, 1.0, 1.0],
            "cost_usd": [1.0, 1.0, 5.0, None],
            "response": ["5", "4", "It is 4.", "none"],
            "logprob_stats": stats,
        }
    )
    return LabelSet(prompts, labels)


def test_answers_lie_by_prompt_model_and_sample() -> None:
    table = replay_table(label_set())
    assert table.models == ("large", "small") and table.quality.shape == (2, 2, 2)
    assert table.recorded.tolist() == [[[True, False], [True, True]], [[False, False], [True, False]]]
    np.testing.assert_array_equal(table.quality[0], [[1.0, np.nan], [0.0, 1.0]])
    np.testing.assert_array_equal(table.cost_usd[:, 1, 0], [1.0, np.nan])
    assert (table.key == -1).all()


def test_logprobs_become_signals() -> None:
    """The sum is the mean times the tokens; an answer without log-probabilities has none."""
    signals = replay_table(label_set()).signals
    assert signals["logprob_sum"][0, 1, 0] == pytest.approx(-1.0)
    assert signals["logprob_min"][0, 1, 0] == pytest.approx(-0.75)
    assert np.isnan(signals["logprob_mean"][0, 1, 1]) and signals["tokens"][0, 0, 0] == 1
    bare = label_set()
    assert not replay_table(LabelSet(bare.prompts, bare.labels.drop_columns(["logprob_stats"]))).signals


def test_equal_answers_share_a_key_and_no_answer_has_none() -> None:
    table = replay_table(label_set(), key_of=lambda prompt_id, text: next((c for c in text if c.isdigit()), None))
    assert table.key[0, 0, 0] == table.key[0, 1, 1] != table.key[0, 1, 0]
    assert table.key[1, 1, 0] == -1


def test_models_can_be_chosen_and_must_be_known() -> None:
    assert replay_table(label_set(), ["small"]).quality.shape == (2, 1, 2)
    with pytest.raises(ValueError, match=r"unknown models \['medium'\]; models with labels: \['large', 'small'\]"):
        replay_table(label_set(), ["medium"])


def test_a_part_of_the_prompts_keeps_their_signals() -> None:
    part = replay_table(label_set()).split("test")
    assert part.prompt_ids == ("y",) and part.signals["tokens"].shape == (1, 2, 2)
    with pytest.raises(ValueError, match="split 'validation' is empty"):
        replay_table(label_set()).split("validation")


def test_shapes_agree() -> None:
    with pytest.raises(ValueError, match=r"sure has shape \(1, 1, 1\); prompts x models x samples is \(1, 2, 1\)"):
        ReplayTable.from_arrays(["a", "b"], [[0.0, 1.0]], signals={"sure": [[1.0]]})
