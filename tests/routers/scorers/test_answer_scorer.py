"""What a scorer reads, what its network makes of that, and its files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.encoders.embed import embed
from anabranch.routers.scorers.answer_network import AnswerNetwork
from anabranch.routers.scorers.reading import Reading
from anabranch.routers.scorers.scorer_files import load_scorer, save_scorer
from tests.routers.scorers.tiny_scorer import ANSWERS, tiny_scorer


def test_texts_and_facts_of_an_answer() -> None:
    """`a1\\nb2` has 5 characters, one line break and 2 digits; log 6 = 1.7918, log 2 = 0.6931, the prompt's log 4."""
    reading = Reading(models=1, parts=("prompt", "answer", "joint"), signals=("sure", "x"), prompt_chars=2)
    read = reading([Answered(0, "abc", "a1\nb2", {"sure": 0.25, "y": 9.0}), Answered(0, "abc", "abc", {"x": 1e39})])
    assert read.texts == ["abc", "a1\nb2", "bc\n\na1\nb2", "bc\n\nabc"]
    assert read.place.tolist() == [[0, 1, 2], [0, 0, 3]]
    np.testing.assert_allclose(read.facts[0], [1.7918, 0.6931, 0.4, 1.3863, 0.25, np.nan], atol=1e-4)
    assert np.isnan(read.facts[1, 4:]).all()


def test_no_prompt_in_the_joint_text() -> None:
    assert Reading(models=1, prompt_chars=0)([Answered(0, "abc", "d", {})]).texts == ["\n\nd"]


def test_answers_of_unknown_models_are_refused() -> None:
    with pytest.raises(ValueError, match=r"answers of models \[-1, 3\]; the scorer knows models 0 to 2"):
        tiny_scorer()([Answered(model, "", "", {}) for model in (3, 1, -1)])


def test_a_network_starts_at_the_models_averages() -> None:
    """Qualities 1, 0, 1 of model 0, mean 3/4 of all; with one answer's worth of that: (2 + 0.75) / 4 and 1.75 / 2.

    Model 2 has no answer and gets the mean, 0.75.
    """
    network = AnswerNetwork(2, 1, 2, 3).eval()
    facts = torch.tensor([[1.0, torch.nan], [2.0, torch.nan], [3.0, torch.nan], [6.0, torch.nan]])
    network.start(facts, torch.tensor([0, 0, 0, 1]), torch.tensor([1.0, 0.0, 1.0, 1.0]))
    said = network(torch.randn(3, 1, 2), torch.randn(3, 2), torch.arange(3)).sigmoid()
    torch.testing.assert_close(said, torch.tensor([0.6875, 0.875, 0.75]))
    assert network.centre.tolist() == [3.0, 0.0]
    assert network.spread[0].item() == pytest.approx(np.sqrt((4 + 1 + 0 + 9) / 4))


def test_scores_are_chances_whatever_is_asked() -> None:
    scores = tiny_scorer()(ANSWERS)
    assert scores.dtype == np.float32 and scores.shape == (4,)
    assert ((scores > 0) & (scores < 1)).all()
    assert tiny_scorer()([]).shape == (0,)


def test_answers_in_a_batch_score_as_alone() -> None:
    scorer = tiny_scorer()
    many = ANSWERS * 300  # more than one batch of the network
    np.testing.assert_allclose(scorer(many), np.tile([scorer([one])[0] for one in ANSWERS], 300), atol=1e-6)


def test_model_signal_and_answer_matter() -> None:
    first, scorer = ANSWERS[0], tiny_scorer()
    others = [first._replace(model=1), first._replace(signals={}), first._replace(answer="13")]
    assert len({*scorer([first, *others]).tolist()}) == 4


def test_a_repeated_text_is_embedded_once() -> None:
    asked: list[str] = []
    scorer = tiny_scorer()

    def embedder(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return embed(scorer.encoder, texts)

    replace(scorer, embedder=embedder)(ANSWERS[:2] * 5)
    assert asked == ["How many lakes?\n\n12", "12"]


def test_a_scorer_is_read_as_it_was_written(tmp_path: Path) -> None:
    scorer = tiny_scorer()
    save_scorer(scorer, tmp_path / "scorers", "sure")
    assert sorted(path.name for path in (tmp_path / "scorers").iterdir()) == ["sure.json", "sure.safetensors"]
    back = load_scorer(tmp_path / "scorers", "sure")
    assert back.settings == scorer.settings
    np.testing.assert_array_equal(back(ANSWERS), scorer(ANSWERS))


def test_scorers_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no scorer 'sure': it has no sure\.json"):
        load_scorer(tmp_path, "sure")
    save_scorer(tiny_scorer(), tmp_path, "sure")
    path = tmp_path / "sure.json"
    contents = json.loads(path.read_text())

    def written(**changes: object) -> None:
        path.write_text(json.dumps(contents | {"scorer": contents["scorer"] | changes}))

    written(encoder_fingerprint="0" * 64)
    with pytest.raises(ValueError, match="was trained with 000000000000: put the same weights back, or train again"):
        load_scorer(tmp_path, "sure")
    written(hidden=9)
    with pytest.raises(ValueError, match=r"sure\.safetensors is not the network of"):
        load_scorer(tmp_path, "sure")
    path.write_text(json.dumps(contents | {"schema_version": 2}))
    with pytest.raises(ValueError, match="has schema 2; this version reads up to 1: upgrade"):
        load_scorer(tmp_path, "sure")
    path.write_text(json.dumps(contents))
    (tmp_path / "sure.safetensors").unlink()
    with pytest.raises(ValueError, match=r"sure\.safetensors is not the network of"):
        load_scorer(tmp_path, "sure")
