"""Estimates before any call come from routers that had not seen the prompt."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from anabranch.data.labelset import write_labels
from anabranch.routers.encoders.embed import embed
from anabranch.training.cascades.beforehand import cross_fitted
from anabranch.training.fit import fit
from anabranch.training.prepared import prepare
from tests.training.cascades.test_fit import OPTIONS, PROMPTS, label_set


def test_a_prompts_labels_do_not_change_its_own_estimate(tmp_path: Path) -> None:
    """Turned upside down, they change what is said of prompts of other folds, four fifths, and nothing of this one."""
    write_labels(label_set(), tmp_path / "labels")
    run = fit(tmp_path / "labels", tmp_path / "run", "ridge", **OPTIONS)
    prepared = prepare(tmp_path / "labels", None, (1,), validation_share=0.15, seed=0)
    row = int(prepared.splits.train[7])
    quality = prepared.outcomes.quality.copy()
    quality[row] = 1 - quality[row]
    turned = replace(prepared, outcomes=replace(prepared.outcomes, quality=quality))
    before, after = (cross_fitted(run, one, lambda texts: embed(run.encoder, texts)) for one in (prepared, turned))
    changed = (before != after).any(axis=1)
    assert before.shape == (PROMPTS["train"], 2) and not np.isnan(before).any()
    assert not changed[7] and 0.6 < changed.mean() < 0.9
