"""Seconds and memory of training kNN and MLP on a label set, embeddings cached; prints JSON.

    python benchmarks/fit.py LABELS [--cache FOLDER]

Limits: 60 s and 2 GB each, all told: reading, splitting, training, calibrating, writing. Each recipe runs in a process
of its own, after one run that fills the embedding cache.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPES = ("knn", "mlp")
LIMIT_S, LIMIT_GB = 60.0, 2.0


def timed(recipe: str, labels: Path, cache: Path | None) -> dict[str, object]:
    """Train in this process; wall seconds without the interpreter's start, and its peak memory."""
    from anabranch.training.fit import fit

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = fit(labels, Path(folder) / "run", recipe, cache=cache, tracker="disabled", progress=False)
        seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {
        "recipe": recipe,
        "train_prompts": run.provenance.prompts["train"],
        "seconds": round(seconds, 1),
        "peak_gb": round(peak_gb, 2),
        "within_limits": seconds <= LIMIT_S and peak_gb <= LIMIT_GB,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("labels", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--recipe", help="train this one here and now")
    options = parser.parse_args()
    if options.recipe:
        print(json.dumps(timed(options.recipe, options.labels, options.cache)))
        return
    cache = ["--cache", str(options.cache)] if options.cache else []
    rows = []
    for recipe in (RECIPES[0], *RECIPES):
        command = [sys.executable, __file__, str(options.labels), "--recipe", recipe, *cache]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
    print(json.dumps({"labels": options.labels.name, "rows": rows[1:]}, indent=2))


if __name__ == "__main__":
    main()
