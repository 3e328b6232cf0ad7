"""What each selection rule of neural caching reaches at several budgets; prints JSON.

    python benchmarks/neural_caching.py
    python benchmarks/neural_caching.py --labels LABELS --arm NAME [--answers KIND] [--split NAME] [--encoder minilm]

Without `--labels` the streams are synthetic: Gaussian clusters, three to each of eight answers, and a large model that
is right nine times in ten. In `overlapping` the clusters run into each other, in `apart` they do not, so that there
is little to choose. With `--labels` it is the prompts of a label set in random order, whose answers must compare; those
without a known right answer are left out, as a student could not be judged on them.

A figure is the mean over seeds and its 95 % interval by Student's t; a seed is a stream, or an order, and its lots.
Gains are paired: the same seeds, the same budget. All rules are printed, losers too. `told` is the student's accuracy
where it answers as importance-weighted calls tell it, less what the recording says; null where nothing was explored.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy.stats import t as student_t

from anabranch.data.answer_keys import answer_keys
from anabranch.data.answers import AnswerKind
from anabranch.data.labelset import read_labels
from anabranch.routers.encoders.registry import load_encoder
from anabranch.training.examples import cached_embedder
from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import NeuralCache
from anabranch.training.streams.recorded import RecordedStream, recorded_stream
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.settings import CacheSettings
from anabranch.training.streams.stream import Streamed, run_stream

BASELINES = ("front-loading", "random")
CLASSES, CLUSTERS, WIDTH, RIGHT = 8, 3, 16, 0.9
SPREAD = {"overlapping": 0.4, "apart": 0.15}
FIRST = 100  # the paper's first queries and lessons between trainings; half the budget where that is less

Row = dict[str, Any]
StreamOf = Callable[[int], RecordedStream]


def world(spread: float, queries: int, seed: int) -> RecordedStream:
    """Queries of a synthetic stream: clusters around random directions, `spread` times as wide in each dimension."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(CLASSES * CLUSTERS, WIDTH))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    cluster = rng.integers(0, len(centre), queries)
    truth = cluster % CLASSES
    wrong = (truth + rng.integers(1, CLASSES, queries)) % CLASSES
    said = np.where(rng.random(queries) < RIGHT, truth, wrong)
    return RecordedStream(
        texts=tuple(f"query {row}" for row in range(queries)),
        embedding=centre[cluster] + spread * rng.normal(size=(queries, WIDTH)),
        lessons=tuple(Lesson(str(one), {str(one): 1.0}) for one in said),
        quality=(said == truth).astype(float),
        cost_usd=np.ones(queries),
        truth=tuple(map(str, truth)),
    )


def measured(stream_of: StreamOf, shares: Sequence[float], seeds: int, explore: float) -> Row:
    """Every rule at every budget, a share of the queries."""
    streams = [stream_of(seed) for seed in range(seeds)]
    rows = []
    for share in shares:
        ran = {rule: [_ran(rule, share, one, seed, explore) for seed, one in enumerate(streams)] for rule in RULES}
        rows += [_row(share, rule, ran) for rule in RULES]
        print(f"a budget of {share:.0%} is measured", file=sys.stderr, flush=True)
    return {
        "queries": len(streams[0]),
        "large_model": _figure([float(np.nanmean(one.quality)) for one in streams]),
        "rows": rows,
    }


def _ran(rule: str, share: float, stream: RecordedStream, seed: int, explore: float) -> Streamed:
    budget = round(share * len(stream))
    first = max(1, min(FIRST, budget // 2))
    settings = CacheSettings(budget, len(stream), rule, n_init=first, retrain_every=first, explore=explore, seed=seed)
    return run_stream(NeuralCache(stream.embedding.shape[1], settings), stream)


def _row(share: float, rule: str, ran: dict[str, list[Streamed]]) -> Row:
    accuracy = {name: np.array([one.accuracy for one in runs]) for name, runs in ran.items()}
    runs = ran[rule]
    told = [one.student_accuracy.where_it_answers.value - one.observed_student_accuracy for one in runs]
    return {
        "budget": share,
        "rule": rule,
        "calls": _figure([one.calls for one in runs])["mean"],
        "usd": _figure([one.total_cost_usd for one in runs])["mean"],
        "accuracy": _figure(accuracy[rule]),
        "agreement": _figure([one.agreement_rate for one in runs]),
        **{f"gain_over_{name}": _figure(accuracy[rule] - accuracy[name]) for name in BASELINES if name != rule},
        "told": _figure(told),
    }


def _figure(values: Sequence[float] | np.ndarray) -> dict[str, float | None]:
    """Mean and interval over seeds; null where a seed has none."""
    known = np.asarray(values, np.float64)
    mean, low, high = float(known.mean()), np.nan, np.nan
    if len(known) > 1:
        half = float(student_t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
        low, high = mean - half, mean + half
    ends = {"mean": mean, "low": low, "high": high}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in ends.items()}


def _of_labels(given: argparse.Namespace) -> StreamOf:
    labels = read_labels(given.labels)
    kinds = dict.fromkeys(labels.tasks, given.answers) if given.answers else None
    embedding = cached_embedder(load_encoder(given.encoder), given.cache, progress=True)(labels.texts)
    stream = recorded_stream(labels, given.arm, embedding, answer_keys(labels, kinds), given.split)
    known = np.array([truth is not None for truth in stream.truth])
    print(f"{(~known).sum()} of {len(stream)} prompts have no known right answer", file=sys.stderr, flush=True)
    stream = stream.take(known)
    return lambda seed: stream.take(np.random.default_rng(seed).permutation(len(stream)))


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, help="label set whose answers compare; synthetic streams if not given")
    parser.add_argument("--arm", help="the large model of the label set")
    parser.add_argument("--answers", choices=get_args(AnswerKind), help="kind of all answers; what judges say if not")
    parser.add_argument("--split", help="of the prompts that stream; all if not given")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--cache", type=Path, help="folder of the embedding cache; the product's own if not given")
    parser.add_argument("--queries", type=int, default=2000, help="of a synthetic stream")
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.1, 0.2, 0.4], help="shares of the queries")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--explore", type=float, default=CacheSettings.explore)
    given = parser.parse_args(arguments)
    if given.labels and not given.arm:
        parser.error("--labels needs --arm, the large model's name")
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    given = parsed(arguments)
    of: dict[str, StreamOf] = (
        {f"{given.labels.name} {given.arm}": _of_labels(given)}
        if given.labels
        else {
            f"synthetic {name}": lambda seed, spread=spread: world(spread, given.queries, seed)  # type: ignore[misc]
            for name, spread in SPREAD.items()
        }
    )
    figures = {name: measured(stream_of, given.budgets, given.seeds, given.explore) for name, stream_of in of.items()}
    settings = {"seeds": given.seeds, "explore": given.explore, "threads": os.environ.get("OMP_NUM_THREADS", "unset")}
    print(json.dumps({**settings, **figures}, indent=2))


if __name__ == "__main__":
    main()
