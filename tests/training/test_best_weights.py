from pathlib import Path

import pytest

from anabranch.training.fit import fit
from tests.training.conftest import LabelMaker


def test_divergence_is_told_and_not_hidden(make_labels: LabelMaker, tmp_path: Path) -> None:
    """A step of 1e30 overflows float32 at once; the untrained epoch must not pass for a trained router."""
    with pytest.raises(ValueError, match="training diverged"):
        fit(
            make_labels(prompts=60),
            tmp_path / "run",
            "mlp",
            {"epochs": 3, "learning_rate": 1e30},
            encoder="hashing",
            tracker="disabled",
            progress=False,
        )
    assert not (tmp_path / "run" / "run.json").exists()
