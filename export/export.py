"""RUN to bundle: guards, graph, parity, folder."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import onnx

from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.export.bundle import CARD, GRAPH, TOKENIZER, check_target, write_bundle
from anabranch.export.card import model_card
from anabranch.export.drift import decision_drift, estimate_drift
from anabranch.export.evaluation import measured
from anabranch.export.graph import LINK, check_size, export_encoder, export_head, router_graph
from anabranch.export.manifest import Manifest
from anabranch.export.parity import PROBES, check_parity
from anabranch.export.quantise import quantise
from anabranch.export.refit import refit
from anabranch.export.session import OnnxEstimate, TextGraph
from anabranch.export.signature import ONNXRUNTIME_MIN, USAGE, Precision
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.estimators.calibrated import Calibrated, uncalibrated
from anabranch.routers.estimators.estimator import ClosedForm
from anabranch.routers.router import Router
from anabranch.routers.run import Run, load_run
from anabranch.routers.run_splits import labelled_split

PARITY_PROMPTS = 64  # of the validation split, beside the built-in probes

Embedder = Callable[[Sequence[str]], Floats]


class _Labels(NamedTuple):
    """A label set, and the splits of the RUN in it."""

    label_set: LabelSet
    train: Outcomes
    validation: Outcomes


def export_run(
    run: Path,
    out: Path,
    *,
    encoder: Precision = "fp32",
    labels: Path | None = None,
    max_loss: float = 0.02,
    no_index: bool = False,
    report: Path | None = None,
) -> Path:
    """Write a RUN's router as a bundle; nothing is written unless the graph says what the router says.

    Args:
        run: the RUN folder.
        out: the bundle's folder; a bundle that lies there is replaced.
        encoder: int8 is a quarter of the size and about twice as fast, and moves the estimates a little.
        labels: the label set of RUN. Closed-form estimators need it for int8, as they are fitted again on the
            int8 embeddings; with it, int8 is judged by what its decisions achieve on the validation prompts.
        max_loss: how much mean observed quality int8 may lose on the validation prompts.
        no_index: refuse a router that keeps an index of the training prompts' embeddings.
        report: an evaluation of RUN, to go into the manifest and the model card.

    Raises:
        ParityError: the graph disagrees with the router, or int8 loses too much.
        BundleError: something else lies at `out`.
        ValueError: the options do not fit the router, or its graph would be too large.
    """
    check_target(out)
    trained = load_run(run)
    check_size(trained.encoder, trained.estimator)
    _check_options(trained, encoder, labels, no_index)
    known = _read_labels(run, labels, trained) if labels else None

    encoder_graph, embedder = _encoder_graph(trained.encoder, encoder)
    exported = _refitted(trained, known, embedder) if known and embedder else trained
    usage_known = trained.settings.costing.usage_kind != "unknown"
    usage = USAGE[trained.settings.costing.usage_kind]
    head = export_head(exported.estimator, usage_known=usage_known)
    graph = router_graph(encoder_graph, head, usage).SerializeToString()

    tokens = trained.encoder.tokens
    estimate = OnnxEstimate(TextGraph(graph, tokens, row_by_row=encoder == "int8"), usage)
    # int8 embeddings are compared by what they cost; what the head makes of them has to be the same
    reference = exported.router("torch", estimate.embed if encoder == "int8" else None)
    check_parity(
        reference.estimate,
        estimate,
        PROBES + (known.validation.texts[:PARITY_PROMPTS] if known else ()),
        usage=usage if usage_known else None,
        reads_tradeoff=trained.settings.reads_tradeoff,
    )
    metrics = measured(run, report)
    if encoder == "int8":
        metrics["int8"] = _drift(trained, trained.settings.router("int8", estimate), known, max_loss)

    manifest = _manifest(trained, encoder, metrics)
    card = model_card(out.name, manifest)
    write_bundle(out, manifest, {GRAPH: graph, TOKENIZER: tokens.tokenizer_json.encode(), CARD: card.encode()})
    return out


def _check_options(trained: Run, encoder: Precision, labels: Path | None, no_index: bool) -> None:
    recipe = trained.settings.recipe
    if no_index and trained.estimator.holds_prompts:
        raise ValueError(
            f"router {recipe!r} keeps an index of the training prompts' embeddings, which --no-index forbids: "
            "train one that does not, e.g. ridge or mlp"
        )
    if encoder == "int8" and labels is None and isinstance(uncalibrated(trained.estimator), ClosedForm):
        raise ValueError(
            f"router {recipe!r} was fitted on fp32 embeddings and has to be fitted again on int8 ones: "
            "give --labels, the label set of the RUN, or export fp32"
        )


def _read_labels(run: Path, labels: Path, trained: Run) -> _Labels:
    label_set = read_labels(labels)
    arms = trained.settings.arms
    return _Labels(label_set, *(labelled_split(run, name, label_set, arms) for name in ("train", "validation")))


def _encoder_graph(encoder: Encoder, precision: Precision) -> tuple[onnx.ModelProto, Embedder | None]:
    """The encoder's graph, and, if it is not the encoder itself any more, what embeds as the graph does."""
    if precision == "fp32":
        return export_encoder(encoder), None
    graph = quantise(export_encoder(encoder))
    encode = TextGraph(graph.SerializeToString(), encoder.tokens, row_by_row=True)
    return graph, lambda texts: encode.run(texts, [LINK])[0]


def _refitted(trained: Run, known: _Labels, embedder: Embedder) -> Run:
    """The run with its estimator fitted on other embeddings; gradient-trained ones stay as they are."""
    if not isinstance(uncalibrated(trained.estimator), ClosedForm):
        return trained
    votes = known.label_set.votes(known.train.arms, known.train.prompt_ids)
    calibration = trained.estimator.calibration if isinstance(trained.estimator, Calibrated) else None
    embedding = embedder(known.train.texts)
    return replace(trained, estimator=refit(trained.settings, known.train, embedding, votes, calibration))


def _drift(trained: Run, int8: Router, known: _Labels | None, max_loss: float) -> dict[str, Any]:
    fp32 = trained.router("fp32")
    estimates = asdict(estimate_drift(fp32, int8, known.validation.texts if known else PROBES))
    if known is None:
        return {"estimates": estimates}
    decisions = asdict(decision_drift(fp32, int8, known.validation, max_loss=max_loss))
    return {"estimates": estimates, "decisions": decisions, "labels_sha256": known.label_set.hashes()}


def _manifest(trained: Run, precision: Precision, metrics: dict[str, Any]) -> Manifest:
    holds_prompts = trained.estimator.holds_prompts
    count = trained.provenance.prompts.get("train", 0)
    index = f"an index of the embeddings of up to {count:,} training prompts, and no text of them"
    return Manifest(
        router=trained.settings,
        provenance=trained.provenance,
        precision=precision,
        tokens=trained.encoder.tokens.to_json(),
        metrics=metrics,
        contains_user_prompts=holds_prompts,
        user_prompts=index if holds_prompts else "",
        onnxruntime_min=ONNXRUNTIME_MIN,
    )
