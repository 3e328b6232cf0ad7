"""anabranch export"""

from pathlib import Path
from typing import Literal

from anabranch.commands.answer import Answer
from anabranch.export.export import export_run
from anabranch.export.export_cascade import export_cascade
from anabranch.export.inspect import inspect_bundle
from anabranch.routers.cascade_run import CASCADE_FILE


def export(
    run: Path,
    *,
    out: Path,
    encoder: Literal["fp32", "int8"] = "fp32",
    labels: Path | None = None,
    max_loss: float = 0.02,
    no_index: bool = False,
    report: Path | None = None,
) -> Answer:
    """Package a run as a bundle that needs no torch.

    Args:
        run: RUN folder.
        out: bundle folder to write.
        encoder: fp32, or int8: smaller and faster, nearly equal decisions; a cascade stays fp32.
        labels: the label set the run was trained on; needed to build an int8 index, and to check int8 decisions.
        max_loss: mean quality that int8 may lose on the validation prompts.
        no_index: refuse routers that keep embeddings of the training prompts.
        report: REPORT folder that `evaluate` wrote of this run, to go into the manifest and the model card.
    """
    if (run / CASCADE_FILE).exists():
        export_cascade(run, out, encoder=encoder, no_index=no_index, report=report)
        return Answer(f"wrote {out}; try: anabranch serve {out} --pool POOL.yaml", inspect_bundle(out))
    export_run(run, out, encoder=encoder, labels=labels, max_loss=max_loss, no_index=no_index, report=report)
    return Answer(f"wrote {out}; try: anabranch route {out} 'your prompt'", inspect_bundle(out))
