"""The RUN folder: what training writes, and what evaluation and export read.

run.json                 settings and provenance
estimator.safetensors    parameters and buffers
encoder.safetensors      only if the encoder was trained
metrics.json             validation metrics of the training
splits.json              the prompts that trained, calibrated and test it
unseen.safetensors       only if validation prompts trained it too: estimates of them by routers that had not seen them
logs/                    CSV log, checkpoints, offline tracker files
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import ConfigDict
from safetensors.torch import load_file, save_file

from anabranch.routers.built import built
from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router
from anabranch.routers.settings import Provenance, RouterSettings
from anabranch.routers.versioned import Versioned, read_versioned

RUN_SCHEMA = 1
ESTIMATE_BATCH = 1024  # rows; bounds the similarity matrix of neighbour-based estimators


class RunFile(Versioned):
    """The contents of run.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    router: RouterSettings
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class Run:
    """A trained router in torch.

    Args:
        settings: what it is made of.
        provenance: where it comes from.
        encoder: text tokens to embeddings.
        estimator: embeddings to estimates, in eval mode.
    """

    settings: RouterSettings
    provenance: Provenance
    encoder: Encoder
    estimator: Estimator

    def router(self, name: str, embedder: Callable[[Sequence[str]], Floats] | None = None) -> Router:
        """The router these parts make.

        Args:
            name: what reports call it.
            embedder: texts to embeddings [B, D], e.g. through a cache; the encoder itself if None.
        """

        def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
            embedding = embedder(texts) if embedder else embed(self.encoder, texts)
            return estimate_batches(self.estimator, embedding, tradeoff)

        return self.settings.router(name, estimate, self.provenance.id)

    def save(self, folder: Path) -> None:
        """Write run.json and the weights into `folder`; run.json comes last, so a folder with it is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_contiguous(self.estimator), folder / "estimator.safetensors")
        if self.settings.encoder_trained:
            save_file(_contiguous(self.encoder), folder / "encoder.safetensors")
        contents = RunFile(schema_version=RUN_SCHEMA, router=self.settings, provenance=self.provenance)
        (folder / "run.json").write_text(contents.model_dump_json(indent=2))


def load_run(folder: Path) -> Run:
    """Read a RUN folder.

    Raises:
        ValueError: it is no RUN folder, of a newer schema, or its encoder is not the one it was trained with.
    """
    contents = _read_run_file(folder)
    settings = contents.router
    encoder = load_encoder(settings.encoder, **settings.encoder_options)
    if settings.encoder_trained:
        encoder.load_state_dict(load_file(folder / "encoder.safetensors"))
    if encoder.fingerprint != settings.encoder_fingerprint:
        raise ValueError(
            f"encoder {settings.encoder!r} has fingerprint {encoder.fingerprint[:12]}, but {folder} was trained with "
            f"{settings.encoder_fingerprint[:12]}: put the same weights back, or train again"
        )
    estimator = built(settings)
    estimator.restore(load_file(folder / "estimator.safetensors"))
    return Run(settings, contents.provenance, encoder.eval(), estimator.eval())


def estimate_batches(estimator: Estimator, embedding: Floats, tradeoff: Floats | None) -> Estimates[Floats]:
    """Run an estimator over embeddings [N, D] in batches; arrays out."""
    parts = []
    with torch.inference_mode():
        for start in range(0, max(1, len(embedding)), ESTIMATE_BATCH):  # one empty batch for no rows
            rows = slice(start, start + ESTIMATE_BATCH)
            knob = None if tradeoff is None else torch.from_numpy(np.array(tradeoff[rows], np.float32))
            parts.append(estimator(torch.from_numpy(np.array(embedding[rows], np.float32)), knob))
    return Estimates(*(torch.cat(field).numpy() for field in zip(*parts, strict=True)))


def _read_run_file(folder: Path) -> RunFile:
    path = folder / "run.json"
    if not path.exists():
        raise ValueError(f"{folder} is no RUN folder: it has no run.json; `anabranch train` makes one")
    return read_versioned(path, RunFile, RUN_SCHEMA)


def _contiguous(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
