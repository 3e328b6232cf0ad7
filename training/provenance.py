"""Where a run comes from, and writing it down."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from anabranch.data.outcomes import Floats
from anabranch.routers.estimates import Estimates
from anabranch.routers.run import Run
from anabranch.routers.run_splits import write_unseen
from anabranch.routers.settings import Provenance
from anabranch.training.prepared import Prepared

LIBRARIES = ("anabranch", "numpy", "torch", "pytorch-lightning", "transformers", "tokenizers", "scikit-learn")


def provenance_of(prepared: Prepared, seed: int) -> Provenance:
    """Hashes, counts, what the labels cost, and library versions."""
    splits = prepared.splits
    paid = prepared.outcomes.cost_usd[np.union1d(splits.train, splits.validation)]
    return Provenance(
        seed=seed,
        prompts={
            "train": len(splits.train),
            "validation": len(splits.validation),
            "test": len(splits.test),
            "left_out": splits.straddlers,
        },
        data_sha256=prepared.label_set.hashes(),
        splits_sha256=splits.hash(),
        label_cost_usd=float(np.nansum(paid)) if prepared.outcomes.has_cost else None,
        versions={name: version(name) for name in LIBRARIES},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_run(
    run: Run, folder: Path, prepared: Prepared, metrics: dict[str, Any], unseen: Estimates[Floats] | None = None
) -> None:
    """Write the RUN folder; run.json comes last, so a folder that has it is whole.

    Args:
        run: what was trained.
        folder: may hold what an interrupted training left.
        prepared: who trained and who calibrated it.
        metrics: what its training reports.
        unseen: estimates [N, A] of the N validation prompts by routers that had not seen them, if they trained the run.
    """
    write_splits(folder, prepared, metrics)
    write_unseen(folder, unseen)
    run.save(folder)


def write_splits(folder: Path, prepared: Prepared, metrics: dict[str, Any]) -> None:
    """Write splits.json and metrics.json."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = prepared.splits.prompt_ids
    rows = {name: [ids[row] for row in getattr(prepared.splits, name)] for name in ("train", "validation", "test")}
    (folder / "splits.json").write_text(json.dumps(rows))
    # orjson writes what is not known (NaN) as null
    (folder / "metrics.json").write_bytes(orjson.dumps(metrics, option=orjson.OPT_INDENT_2))
