"""What a scorer learns of recorded answers, and that it is never asked about a prompt that taught it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.encoders.cache import EmbeddingCache
from anabranch.routers.scorers.answer_scorer import AnswerScorer
from anabranch.training.replay.post_hoc import folds_of
from anabranch.training.scorers.answer_scorer_fit import ScorerOptions, fit_scorer, scored
from tests.training.scorers.answered_worlds import OPTIONS, RIGHT, WRONG, ground_of, table_of, without_responses


def scores_of(table: ReplayTable, cache: Path, folds: int = 2, options: ScorerOptions = OPTIONS) -> np.ndarray:
    """Cross-fitted scores [N, M, R]."""
    ground = scored(ground_of(table, cache), folds=folds, options=options)
    return ground.table.signals["scorer"]


def areas(table: ReplayTable, scores: np.ndarray) -> list[float]:
    """Under the curve of each model's answers."""
    return [roc_auc_score(table.quality[:, m].ravel(), scores[:, m].ravel()) for m in range(len(table.models))]


def test_texts_that_tell_are_read(tmp_path: Path) -> None:
    """The words of right and wrong answers are others, so both kinds come apart nearly without exception; online too,
    where a scorer that learnt from all prompts is asked."""
    table = table_of()
    ground = scored(ground_of(table, tmp_path), folds=3, options=OPTIONS)
    assert min(areas(table, ground.table.signals["scorer"])) > 0.98
    (signal,) = ground.signals
    assert isinstance(signal, Scorer) and (signal.name, signal.file) == ("scorer", "scorer")
    assert isinstance(signal.score, AnswerScorer) and signal.score.settings.encoder == "hashing"
    new = [Answered(0, "Which bird is number 99?", f"{text} 271828", {}) for text in (RIGHT, WRONG)]
    assert signal(new)[0] > 0.7 > 0.3 > signal(new)[1]


def test_where_nothing_is_told_scores_are_the_models_averages(tmp_path: Path) -> None:
    """Area 0.5 +- three standard errors of about sqrt(1/12 (1/36 + 1/54)) = 0.062, and no worse a loss than averages.

    The averages of a model's answers have the entropy of its coin, here below 0.69; a network that is sure of noise
    lies above by tenths, and the few held-out answers that choose the epoch cost some hundredths.
    """
    table = table_of(telling=False)
    scores = scores_of(table, tmp_path)
    assert all(abs(area - 0.5) < 0.19 for area in areas(table, scores))
    q, p = table.quality, scores.astype(float)
    mean = q.mean(axis=0, keepdims=True)
    loss = [-(q * np.log(each) + (1 - q) * np.log(1 - each)).mean() for each in (p, mean)]
    assert loss[0] < loss[1] + 0.06


def test_labels_of_a_fold_do_not_change_its_own_scores(tmp_path: Path) -> None:
    """Turned upside down, they change what is said of every other fold, and nothing of this one."""
    table = table_of(40)
    fold = folds_of(table.texts, 2)
    turned = replace(table, quality=np.where((fold == 1)[:, None, None], 1 - table.quality, table.quality))
    before, after = scores_of(table, tmp_path), scores_of(turned, tmp_path)
    np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert (before[fold != 1] != after[fold != 1]).mean() > 0.9


def test_equal_texts_share_a_fold(tmp_path: Path) -> None:
    """A prompt that comes twice does not teach its own score: turning its twin's labels changes nothing."""
    once = table_of(40)
    twice = once.take([*range(40), 0])
    quality = twice.quality.copy()
    quality[40] = 1 - quality[40]
    before, after = (scores_of(table, tmp_path) for table in (twice, replace(twice, quality=quality)))
    np.testing.assert_array_equal(before[0], after[0])


def test_unknown_cells_get_no_score(tmp_path: Path) -> None:
    table = table_of(40)
    quality = table.quality.copy()
    quality[3, 1] = np.nan
    scores = scores_of(replace(table, quality=quality), tmp_path)
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(quality))


def test_a_second_training_embeds_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(30)
    first = fit_scorer(table, OPTIONS, cache=tmp_path)
    monkeypatch.setattr("anabranch.routers.encoders.cache.embed", None)
    second = fit_scorer(table, OPTIONS, cache=tmp_path)
    for one, other in zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert second([Answered(0, table.texts[0], str(table.responses[0, 0, 0]), {})]).shape == (1,)  # type: ignore[index]
    assert EmbeddingCache(tmp_path).embed(second.encoder, []).shape == (0, 64)


def test_the_callers_random_state_stays(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit_scorer(table_of(12), OPTIONS, cache=tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_recorded_log_probabilities_are_read(tmp_path: Path) -> None:
    """Texts say nothing here, and the signal everything."""
    table = table_of(telling=False)
    table = table.with_signal("logprob_mean", table.quality - 1).with_signal("chance", table.quality)
    scorer = fit_scorer(table, OPTIONS, cache=tmp_path)
    assert scorer.settings.reading.signals == ("logprob_mean",)
    longer = replace(OPTIONS, descent=replace(OPTIONS.descent, epochs=20))
    assert min(areas(table, scores_of(table, tmp_path, options=longer))) > 0.98


@pytest.mark.parametrize("prompts", [1, 2, 3])
def test_few_prompts_are_enough(prompts: int, tmp_path: Path) -> None:
    chance = fit_scorer(table_of(prompts), OPTIONS, cache=tmp_path)([Answered(1, "", "", {})])
    assert 0 < chance[0] < 1


def test_answers_without_texts_are_refused(tmp_path: Path) -> None:
    table = table_of(10)
    empty = replace(table, responses=np.full(table.quality.shape, "", np.object_))
    for silent in (without_responses(table), empty):
        with pytest.raises(ValueError, match="no responses are recorded: collect them"):
            fit_scorer(silent, OPTIONS, cache=tmp_path)
    with pytest.raises(ValueError, match=r"unknown signals \['sure'\]; signals of the table: \[\]"):
        fit_scorer(table, replace(OPTIONS, signals=("sure",)), cache=tmp_path)
    nothing = replace(table, quality=np.full_like(table.quality, np.nan))
    with pytest.raises(ValueError, match="no responses are recorded"):
        fit_scorer(nothing, OPTIONS, cache=tmp_path)
