"""The RUN of a cascade to a bundle: guards, networks, router, folder."""

from pathlib import Path
from tempfile import TemporaryDirectory

from anabranch.export.bundle import CARD, ROUTER, SCORERS, check_target, read_bundle, write_cascade_bundle
from anabranch.export.cascade_card import cascade_card
from anabranch.export.evaluation import measured
from anabranch.export.export import export_run
from anabranch.export.manifest import CascadeManifest
from anabranch.export.scorer import export_scorer
from anabranch.export.signature import ONNXRUNTIME_MIN, Precision
from anabranch.routers.cascade_run import CascadeRun, load_cascade_run


def export_cascade(
    run: Path, out: Path, *, encoder: Precision = "fp32", no_index: bool = False, report: Path | None = None
) -> Path:
    """Write a RUN's cascade as a bundle; nothing is written unless its graphs say what its networks say.

    Args:
        run: the RUN folder.
        out: the bundle's folder; a bundle that lies there is replaced.
        encoder: fp32; int8 moves the scores and estimates that thresholds were fitted to, and is refused.
        no_index: refuse a router that keeps an index of the training prompts' embeddings.
        report: an evaluation of RUN, to go into the manifest and the model card.

    Raises:
        ParityError: a graph disagrees with its network.
        BundleError: something else lies at `out`.
        ValueError: the options do not fit the cascade.
    """
    check_target(out)
    if encoder != "fp32":
        raise ValueError(
            f"a cascade's thresholds were fitted to fp32 scores and estimates, which {encoder} moves: export fp32"
        )
    trained = load_cascade_run(run)
    with TemporaryDirectory() as staged:
        folder = Path(staged)
        _write_scorers(trained, folder / SCORERS)
        if trained.router is not None:
            export_run(run / ROUTER, folder / ROUTER, no_index=no_index)
        manifest = _manifest(trained, folder, run, report)
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
        write_cascade_bundle(out, manifest, {**files, CARD: cascade_card(out.name, manifest).encode()})
    return out


def _write_scorers(trained: CascadeRun, folder: Path) -> None:
    for stem, scorer in trained.scorers.items():
        export_scorer(scorer, folder, stem)


def _manifest(trained: CascadeRun, folder: Path, run: Path, report: Path | None) -> CascadeManifest:
    router = None if trained.router is None else read_bundle(folder / ROUTER).manifest
    return CascadeManifest(
        cascade=trained.settings,
        provenance=trained.provenance,
        metrics=measured(run, report),
        contains_user_prompts=router is not None and router.contains_user_prompts,
        user_prompts="" if router is None else router.user_prompts,
        onnxruntime_min=ONNXRUNTIME_MIN,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
