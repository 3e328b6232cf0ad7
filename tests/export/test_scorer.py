"""A scorer's graph says what the scorer says, alone in one file, and without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from anabranch.export.bundle import BundleError
from anabranch.export.parity import TOLERANCE, ParityError
from anabranch.export.scorer import export_scorer, open_scorer
from anabranch.export.scorer_parity import check_scorer_parity, probes
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.scorers.answer_scorer import AnswerScorer
from tests.routers.scorers.tiny_scorer import ANSWERS, tiny_scorer

WITHOUT_TORCH = """
import sys
from pathlib import Path
from anabranch.export.scorer import open_scorer
from anabranch.routers.deferral.answered import Answered
print(open_scorer(Path(sys.argv[1]), "sure")([Answered(0, "How many lakes?", "12", {"sure": -0.5})])[0])
assert "torch" not in sys.modules and "pyarrow" not in sys.modules
"""


@pytest.fixture(scope="module")
def scorer() -> AnswerScorer:
    """It reads two texts of an answer."""
    return tiny_scorer()


@pytest.fixture(scope="module")
def folder(scorer: AnswerScorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It holds the graph, and the graph of a scorer that reads one text and no signal."""
    folder = tmp_path_factory.mktemp("scorers")
    export_scorer(scorer, folder, "sure")
    export_scorer(tiny_scorer(("joint",), ()), folder, "plain")
    return folder


def test_empty_long_and_odd_answers_score_alike(scorer: AnswerScorer, folder: Path) -> None:
    """Signals that are unknown, not a number or of no meaning to the scorer are among them."""
    answers = ANSWERS + probes(scorer.settings.reading)
    graph = open_scorer(folder, "sure")
    np.testing.assert_allclose(graph(answers), scorer(answers), atol=TOLERANCE)
    np.testing.assert_allclose([graph([one])[0] for one in ANSWERS], scorer(ANSWERS), atol=TOLERANCE)
    assert graph([]).shape == (0,)
    plain = tiny_scorer(("joint",), ())
    np.testing.assert_allclose(open_scorer(folder, "plain")(answers), plain(answers), atol=TOLERANCE)


def test_many_answers_keep_their_order(scorer: AnswerScorer, folder: Path) -> None:
    answers = [Answered(row % 3, "b" * (row * 7 % 50), "a" * (row * 11 % 90), {}) for row in range(700)]
    np.testing.assert_allclose(open_scorer(folder, "sure", threads=2)(answers), scorer(answers), atol=TOLERANCE)


def test_inputs_and_output_are_the_scorer_signature(folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / "sure.onnx")
    assert {given.name: (given.type, given.shape) for given in session.get_inputs()} == {
        "input_ids": ("tensor(int64)", ["batch", "sequence"]),
        "attention_mask": ("tensor(int64)", ["batch", "sequence"]),
        "place": ("tensor(int64)", ["answers", 2]),
        "facts": ("tensor(float)", ["answers", 5]),
        "model": ("tensor(int64)", ["answers"]),
    }
    assert [(given.name, given.shape) for given in session.get_outputs()] == [("score", ["answers"])]
    onnx.checker.check_model(onnx.load(folder / "sure.onnx"), full_check=True)


def test_it_opens_without_torch(scorer: AnswerScorer, folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(float(scorer(ANSWERS[:1])[0]), abs=TOLERANCE)


def test_unknown_models_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="the scorer knows models 0 to 2"):
        open_scorer(folder, "sure")([Answered(3, "", "", {})])


def test_what_is_no_scorer_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"away\.onnx is missing: copy the whole bundle"):
        open_scorer(folder, "away")
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    with pytest.raises(BundleError, match="is no graph that this onnxruntime reads"):
        open_scorer(tmp_path, "torn")
    model = onnx.load(folder / "sure.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(BundleError, match="is no scorer that this version reads"):
        open_scorer(tmp_path, "bare")


def test_a_graph_that_says_something_else_is_refused(scorer: AnswerScorer, folder: Path) -> None:
    other = tiny_scorer()
    with torch.no_grad():
        other.network.odds.add_(0.01)
    reading = scorer.settings.reading
    with pytest.raises(ParityError, match=r"the score of answer \d+ is .* in torch alone and .* in ONNX alone"):
        check_scorer_parity(other, open_scorer(folder, "sure"), reading)
    with pytest.raises(ParityError, match="nan in ONNX alone"):
        check_scorer_parity(scorer, lambda answers: np.full(len(answers), np.nan, np.float32), reading)


def test_nothing_is_written_where_the_embedder_is_not_the_encoder(
    scorer: AnswerScorer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph holds the encoder; a scorer whose embeddings come from elsewhere says something else."""
    monkeypatch.setattr("anabranch.export.scorer_graph.scorer_graph", lambda _: onnx.load(folder / "sure.onnx"))
    stale = replace(scorer, embedder=lambda texts: np.ones((len(texts), 16), np.float32))
    with pytest.raises(ParityError, match="Nothing was written"):
        export_scorer(stale, tmp_path / "out", "sure")
    assert not (tmp_path / "out").exists()
