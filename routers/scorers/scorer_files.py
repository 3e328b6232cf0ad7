"""An answer scorer on disk: `<stem>.json` says what it is made of, `<stem>.safetensors` holds its network."""

from pathlib import Path

from pydantic import ConfigDict
from safetensors.torch import load_file, save_file

from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.scorers.answer_scorer import AnswerScorer, ScorerSettings
from anabranch.routers.versioned import Versioned, read_versioned

SCORER_SCHEMA = 1


class ScorerFile(Versioned):
    """The contents of `<stem>.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scorer: ScorerSettings


def save_scorer(scorer: AnswerScorer, folder: Path, stem: str) -> None:
    """Write both files; the JSON comes last, so a scorer with it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().contiguous() for name, tensor in scorer.network.state_dict().items()}
    save_file(weights, folder / f"{stem}.safetensors")
    contents = ScorerFile(schema_version=SCORER_SCHEMA, scorer=scorer.settings)
    (folder / f"{stem}.json").write_text(contents.model_dump_json(indent=2))


def load_scorer(folder: Path, stem: str) -> AnswerScorer:
    """Read both files.

    Raises:
        ValueError: there is no such scorer, it is of a newer schema, or its encoder or its network is not the one it
            was trained with.
    """
    path = folder / f"{stem}.json"
    if not path.exists():
        raise ValueError(f"{folder} holds no scorer {stem!r}: it has no {path.name}; train the cascade again")
    settings = read_versioned(path, ScorerFile, SCORER_SCHEMA).scorer
    encoder = load_encoder(settings.encoder, **settings.encoder_options)
    if encoder.fingerprint != settings.encoder_fingerprint:
        raise ValueError(
            f"encoder {settings.encoder!r} has fingerprint {encoder.fingerprint[:12]}, but {path} was trained with "
            f"{settings.encoder_fingerprint[:12]}: put the same weights back, or train again"
        )
    network = settings.network()
    try:
        network.load_state_dict(load_file(folder / f"{stem}.safetensors"))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{folder / stem}.safetensors is not the network of {path}: {error}") from error
    return AnswerScorer(settings, encoder.eval(), network.eval())
