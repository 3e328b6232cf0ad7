"""What routers cost: microseconds after the encoder, training, neighbours; prints a line of JSON a part.

    python -m benchmarks.routers [heads] [battles] [neighbours] [training] [hull] [memory]

Goals, on one thread:

    heads       every router with a frozen encoder, its exported head against MiniLM's forward at 64 tokens, a prompt
                at a time and in batches, 11 and 100 arms: affine rows and the MLP at most 5 %, kNN on 50,000 prompts
                at most 30 %; the others are reported
    battles     routellm-sw on 147,658 battles among 64 models: under 15 ms a prompt
    neighbours  kNN on 400,000 prompts: brute force in the graph is reported; the 64 neighbours by an approximate
                index (faiss, if it is installed; no part of the product) under 1 ms at a recall of at least 0.95
    training    routellm-mf and mlp on 50,000 prompts x 11 arms of ready-made embeddings: under 60 s each
    hull        the concave hull of 10,000 points: under 20 ms
    memory      kNN's and cluster's peak memory at 10,000, 20,000, 40,000 prompts: a line or less, so that the second
                increment over twice the first is at most 1.25

Times are of the processor, the best of several, so that whatever else runs disturbs them little; data are synthetic.
Every goal is a ratio or a limit, `share` being of the limit or of the encoder.
"""

import argparse
import importlib
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.preferences import Preferences
from anabranch.export.graph import LINK, export_encoder, export_head
from anabranch.export.signature import ATTENTION_MASK, INPUT_IDS, TRADEOFF
from anabranch.routers.encoders.hashing import HashingEncoder
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimators.estimator import Batch, Estimator
from anabranch.routers.recipe import recipe_of
from anabranch.routers.registry import ROUTERS
from anabranch.training.examples import examples_of
from anabranch.training.metrics.hull import ndch
from anabranch.training.trainer import TrainerOptions, train_estimator
from benchmarks.timing import best_ms, spent_s

WIDTH, TOKENS, ENCODER_ROWS = 384, 64, 64  # 64 texts of 64 tokens are what a session takes in at once
AFFINE = ("embedllm", "linucb", "logistic", "ridge", "routellm-mf")
AFFINE_SHARE, NEIGHBOUR_SHARE = 0.05, 0.3
INDEXED, OTHERWISE = 50_000, 2_000  # training prompts of heads that hold them, and of the others
CROSS_FITTED = ("stack",)  # its fits within fits of 50,000 prompts take hours, so it holds as few as the others
BATTLE_MS, SEARCH_MS, RECALL, NEIGHBOURS, TRAIN_S, HULL_MS = 15.0, 1.0, 0.95, 64, 60.0, 20.0

Ints = NDArray[np.int64]
Row = dict[str, Any]


def embeddings(prompts: int, width: int = WIDTH, seed: int = 0) -> Floats:
    """Unit rows, float32 [N, D], of some hundred topics that vary in two dozen directions, and noise, as texts do."""
    rng = np.random.default_rng(seed)
    topics, directions = (rng.standard_normal(shape, np.float32) for shape in ((400, 24), (24, width)))
    place = topics[rng.integers(len(topics), size=prompts)] + rng.standard_normal((prompts, 24), np.float32) / 2
    rows = np.tanh(place @ directions / 5) + rng.standard_normal((prompts, width), np.float32) / 3
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def session(model: ModelProto) -> onnxruntime.InferenceSession:
    """A graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def head_ms(estimator: Estimator, sizes: Sequence[int], repeats: int) -> dict[int, float]:
    """The exported head, milliseconds a prompt in batches of each size."""
    head = session(export_head(estimator))
    feeds = {size: head_feed(estimator, size) for size in sizes}
    return {size: best_ms(lambda feed=feed: head.run(None, feed), repeats) / size for size, feed in feeds.items()}  # type: ignore[misc]


def head_feed(estimator: Estimator, rows: int) -> dict[str, Floats]:
    """A batch of embeddings, and of trade-offs if they are read."""
    feed = {LINK: embeddings(rows, estimator.width, seed=1)}
    return feed | ({TRADEOFF: np.full(rows, 0.5, np.float32)} if estimator.reads_tradeoff else {})


def encoder_ms(rows: int, repeats: int) -> float:
    """MiniLM's forward in ONNX, milliseconds a prompt in a batch of `rows`."""
    forward = session(export_encoder(load_encoder("minilm")))
    ids = np.random.default_rng(0).integers(2000, 3000, (rows, TOKENS))
    feed = {INPUT_IDS: ids, ATTENTION_MASK: np.ones_like(ids)}
    return best_ms(lambda: forward.run(None, feed), repeats) / rows


def frozen_rows() -> tuple[str, ...]:
    """The routers whose encoder does not learn."""
    return tuple(row for row in ROUTERS if not recipe_of(row).estimator.trains_encoder)


def observed(row: str, embedding: Floats, arms: int) -> Estimator:
    """A router's estimator that has seen prompts [N, D], without descending: how long it takes depends on no weight."""
    estimator = recipe_of(row).build(embedding.shape[1], arms)
    for batch in batches(embedding, arms, votes=estimator.learns_from == "preferences"):
        estimator.observe(batch)
    estimator.finalise()
    return estimator.eval()


def batches(embedding: Floats, arms: int, *, votes: bool, size: int = 1024) -> Iterator[Batch]:
    """Training batches of right and wrong answers at some cost; or of one vote a prompt between two arms."""
    rng = np.random.default_rng(2)
    for begin in range(0, len(embedding), size):
        row = torch.arange(begin, min(begin + size, len(embedding)))
        quality = torch.from_numpy((rng.random((len(row), arms)) < 0.6).astype(np.float32))
        usage = torch.from_numpy(rng.random((len(row), arms), np.float32) + np.arange(1, arms + 1, dtype=np.float32))
        wins = torch.from_numpy(battles(rng, len(row), arms).wins(len(row)) if votes else np.zeros((len(row), 0, 0)))
        text = torch.from_numpy(embedding[begin : begin + size])
        yield Batch(row, row % 5, text, quality, usage, quality.unsqueeze(2), wins.float())


def battles(rng: np.random.Generator, prompts: int, models: int) -> Preferences:
    """One vote a prompt between two models, three in ten a tie; some models are in far more battles than others."""
    one = rng.choice(models, prompts, p=rng.dirichlet(np.full(models, 0.5)))
    other = (one + rng.integers(1, models, prompts)) % models
    p_b = rng.choice(np.array([0.0, 0.5, 1.0], np.float32), prompts, p=[0.35, 0.3, 0.35])
    names = tuple(f"model-{number}" for number in range(models))
    return Preferences(names, np.arange(prompts), one, other, p_b, np.ones(prompts, np.float32))


def heads(
    rows: Sequence[str] | None = None,
    *,
    arms: Sequence[int] = (11, 100),
    sizes: Sequence[int] = (1, 256),
    prompts: tuple[int, int] = (INDEXED, OTHERWISE),
    repeats: int = 7,
    encoder: Callable[[int, int], float] = encoder_ms,
) -> Row:
    """Each router's head as a share of the encoder, a prompt; `prompts` are those of kNN's kind and of the others."""
    forward_ms = {size: encoder(min(size, ENCODER_ROWS), 3 if size > 1 else repeats) for size in sizes}
    table = []
    for row in rows or frozen_rows():
        for count in arms:
            print(f"{row}, {count} arms", file=sys.stderr)
            kind = recipe_of(row).estimator
            # tables of votes between all arms fill the memory
            many = kind.holds_prompts and kind.learns_from == "outcomes" and row not in CROSS_FITTED
            seen = prompts[0 if many else 1]
            for size, ms in head_ms(observed(row, embeddings(seen), count), sizes, repeats).items():
                figures = {"us": round(1000 * ms, 1), "share": round(ms / forward_ms[size], 4)}
                table.append({"router": row, "arms": count, "prompts": seen, "batch": size, **figures})
    return {
        "encoder_us": {size: round(1000 * ms, 1) for size, ms in forward_ms.items()},
        "rows": table,
        "goals": {
            "affine_and_mlp_at_most_0.05": worst(table, (*AFFINE, "mlp")) <= AFFINE_SHARE,
            "knn_at_most_0.3": worst(table, ("knn",)) <= NEIGHBOUR_SHARE,
        },
    }


def worst(table: Sequence[Row], routers: Sequence[str]) -> float:
    """The largest share among some routers' rows, 0 if there are none."""
    return max((row["share"] for row in table if row["router"] in routers), default=0.0)


def battle_votes(prompts: int = 147_658, models: int = 64, sizes: Sequence[int] = (1, 256), repeats: int = 9) -> Row:
    """Milliseconds a prompt of routellm-sw's head."""
    ms = head_ms(observed("routellm-sw", embeddings(prompts), models), sizes, repeats)
    return {"battles": prompts, "models": models, "ms": ms, **_within(max(ms.values()), BATTLE_MS)}


def neighbours(prompts: int = 400_000, queries: int = 200, repeats: int = 5) -> Row:
    """kNN's head by brute force, and what an approximate index outside the graph would gain."""
    every = embeddings(prompts + queries)
    index, asked = every[:prompts], every[prompts:]
    figures: Row = {"prompts": prompts, "in_graph_ms": head_ms(_neighbourhood(index), [1], repeats)[1]}
    if importlib.util.find_spec("faiss") is None:
        return figures | {"approximate": None}
    return figures | {"approximate": _approximate(index, asked, nearest(index, asked))}


def _neighbourhood(index: Floats, arms: int = 11) -> Estimator:
    """kNN with its index put in place, which spares the copies of an observing pass."""
    estimator = recipe_of("knn").build(index.shape[1], arms)
    cells = torch.rand(len(index), 2 * arms, generator=torch.Generator().manual_seed(0))
    known, mean = torch.ones_like(cells), cells.mean(dim=0)
    estimator.restore({"index": torch.from_numpy(index), "targets": cells, "known": known, "fallback": mean})
    return estimator.eval()


def nearest(index: Floats, asked: Floats, k: int = NEIGHBOURS) -> Ints:
    """The k rows of `index` [N, D] most similar to each of `asked` [Q, D], in no order, by brute force; [Q, k]."""
    found = [np.argpartition(-(index @ query), k)[:k] for query in asked]
    return np.stack(found)


def recall(found: Ints, true: Ints) -> float:
    """The share of the true neighbours [Q, k] that were found [Q, k]."""
    return float(np.mean([np.isin(rows, among).mean() for rows, among in zip(true, found, strict=True)]))


def _approximate(index: Floats, asked: Floats, true: Ints, probes: int = 32) -> Row:
    """An inverted file: the lists of the centres nearest to a query are searched, all in float32."""
    faiss = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    lists = faiss.index_factory(index.shape[1], f"IVF{int(4 * len(index) ** 0.5)},Flat", faiss.METRIC_INNER_PRODUCT)
    lists.cp.niter, lists.cp.max_points_per_centroid = 8, 40
    start = time.process_time()
    lists.train(index)
    lists.add(index)
    built_s = time.process_time() - start
    lists.nprobe = probes
    found = lists.search(asked, true.shape[1])[1]
    single = [query[None] for query in asked]
    ms = best_ms(lambda: [lists.search(query, true.shape[1]) for query in single], 5) / len(single)
    reached = recall(found, true)
    figures = {"search_ms": ms, "recall": reached, "built_s": built_s, **_within(ms, SEARCH_MS)}
    return figures | {"recall_at_least_0.95": reached >= RECALL}


def training(prompts: int = 50_000, arms: int = 11, settings: Mapping[str, Any] | None = None) -> Row:
    """Seconds of the processor that the product's own loop takes; embeddings are ready."""
    seconds = {row: _train_s(row, prompts, arms, settings or {}) for row in ("routellm-mf", "mlp")}
    return {"prompts": prompts, "arms": arms, "seconds": seconds, **_within(max(seconds.values()), TRAIN_S)}


def _train_s(row: str, prompts: int, arms: int, settings: Mapping[str, Any]) -> float:
    estimator = recipe_of(row, settings).build(WIDTH, arms)
    with tempfile.TemporaryDirectory() as folder:
        options = TrainerOptions(Path(folder), tracker="disabled", progress=False)
        parts = [_examples(count, arms, estimator) for count in (prompts, max(1, prompts // 10))]
        encoder = HashingEncoder(width=WIDTH)
        return spent_s(lambda: train_estimator(encoder, estimator, parts[0], parts[1], options))


def _examples(prompts: int, arms: int, estimator: Estimator) -> Any:
    rng = np.random.default_rng(3)
    quality = (rng.random((prompts, arms)) < np.linspace(0.4, 0.8, arms)).astype(np.float32)
    table = Outcomes.from_arrays([f"arm-{arm}" for arm in range(arms)], quality, cost_usd=1e-3 + 0 * quality)
    votes = Preferences.from_outcomes(table) if estimator.learns_from == "preferences" else None
    return examples_of(table, votes, "cost_usd", lambda texts: embeddings(len(texts), estimator.width), ["all"])


def hull(points: int = 10_000, repeats: int = 5) -> Row:
    """Milliseconds for points anywhere, all on the hull, and only two on it."""
    at = np.linspace(0, 1, points)
    rng = np.random.default_rng(4)
    shapes = {"anywhere": (rng.random(points), rng.random(points)), "concave": (at, at**0.5), "convex": (at, at**2)}
    ms = {name: best_ms(lambda shape=shape: ndch(*shape), repeats) for name, shape in shapes.items()}  # type: ignore[misc]
    return {"points": points, "ms": ms, **_within(max(ms.values()), HULL_MS)}


def memory(sizes: tuple[int, int, int] = (10_000, 20_000, 40_000)) -> Row:
    """Peak megabytes of kNN and cluster, each size in a process of its own."""
    return {row: _linear([_peak_mb_of(row, size) for size in sizes]) for row in ("knn", "cluster")}


def _peak_mb_of(row: str, prompts: int) -> float:
    command = [sys.executable, "-m", "benchmarks.routers", "--peak", row, str(prompts)]
    root = Path(__file__).parents[1]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout)


def peak_mb(row: str, prompts: int) -> float:
    """This process's peak after a router has seen N prompts, its data included."""
    # plain noise, as making anything better would take more memory than learning from it
    observed(row, np.random.default_rng(0).standard_normal((prompts, WIDTH), np.float32), arms=11)
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # on Linux the peak that getrusage tells was the parent's before it was this process's
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


def _linear(peaks: Sequence[float]) -> Row:
    ratio = increments_ratio(peaks)
    return {"peak_mb": list(peaks), "increments_ratio": ratio, "at_most_linear": ratio <= 1.25}


def increments_ratio(peaks: Sequence[float]) -> float:
    """Of peaks at N, 2 N and 4 N: the second increment over twice the first, 1 if they are on a line."""
    return (peaks[2] - peaks[1]) / (2 * (peaks[1] - peaks[0]))


def _within(found: float, limit: float) -> Row:
    return {"share": round(found / limit, 3), "within_limit": found < limit}


PARTS: dict[str, Callable[[], Row]] = {
    "heads": heads,
    "battles": battle_votes,
    "neighbours": neighbours,
    "training": training,
    "hull": hull,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--peak", nargs=2, metavar=("ROUTER", "PROMPTS"), help="this process's peak, for `memory`")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.peak:
        print(peak_mb(options.peak[0], int(options.peak[1])))
        return
    for part in options.parts or PARTS:  # a line each, so that what is measured is not lost to what fails later
        print(json.dumps({part: PARTS[part]()}), flush=True)


if __name__ == "__main__":
    main()
