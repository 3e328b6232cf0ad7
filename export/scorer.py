"""A scorer of answers in onnxruntime: one file that holds its graph, its tokenizer and how answers are read.

`open_scorer` needs no torch; `export_scorer` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from anabranch.export.bundle import BundleError
from anabranch.export.session import length_batches, session_options
from anabranch.export.signature import ATTENTION_MASK, FACTS, INPUT_IDS, MODEL, PLACE, SCORE
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.scorer import Score
from anabranch.routers.encoders.tokens import Tokens
from anabranch.routers.scorers.reading import ReadAnswers, Reading

if TYPE_CHECKING:
    from anabranch.routers.scorers.answer_scorer import AnswerScorer

SCORER_META, TOKENIZER_META = "anabranch.scorer", "anabranch.tokenizer"
"""Where the graph's file keeps the other two."""


class ScorerMeta(BaseModel):
    """What a scorer's graph says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reading: Reading
    tokens: dict[str, Any]


@dataclass(frozen=True, eq=False)
class OnnxScorer:
    """The chance that answers are right, through a scorer's graph; threads may share one object.

    Args:
        session: of the graph.
        reading: how answers are read.
        tokens: text to ids.
    """

    session: Any
    reading: Reading
    tokens: Tokens

    def __call__(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        """See `Score`; a text that comes twice in a batch is embedded once.

        Raises:
            ValueError: an answer comes from a model that is not known.
        """
        if not answers:
            return np.zeros(0, np.float32)
        lengths = [len(one.prompt) + len(one.answer) for one in answers]
        order = sorted(range(len(answers)), key=lengths.__getitem__)
        # most tokens are two characters or more, and a batch's budget counts tokens
        budget = [min(length // 2 + 1, self.tokens.max_tokens) * len(self.reading.parts) for length in lengths]
        parts = [self._run([answers[row] for row in rows]) for rows in length_batches(order, budget)]
        return np.asarray(np.concatenate(parts)[np.argsort(order)])

    def _run(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        read: ReadAnswers = self.reading(answers)
        ids, mask = self.tokens(read.texts)
        feed = {INPUT_IDS: ids, ATTENTION_MASK: mask, PLACE: read.place, FACTS: read.facts, MODEL: read.model}
        score: NDArray[np.float32] = self.session.run([SCORE], feed)[0]
        return score


def open_scorer(folder: Path, stem: str, *, threads: int = 1) -> Score:
    """The scorer in `<stem>.onnx`.

    Args:
        folder: where the file lies.
        stem: of its name.
        threads: threads of one look at answers.

    Raises:
        BundleError: there is no such file, or it is no scorer that this version reads.
    """
    path = folder / f"{stem}.onnx"
    if not path.is_file():
        raise BundleError(f"{path} is missing: copy the whole bundle, or export it again")
    return scorer_in(path.read_bytes(), str(path), threads=threads)


def scorer_in(graph: bytes, name: str, *, threads: int = 1) -> OnnxScorer:
    """The scorer in the contents of a file; errors are those of `open_scorer`, and call it by `name`."""
    try:
        session = onnxruntime.InferenceSession(graph, session_options(threads), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise BundleError(f"{name} is no graph that this onnxruntime reads ({error}): export it again") from error
    kept = session.get_modelmeta().custom_metadata_map
    try:
        meta = ScorerMeta.model_validate_json(kept[SCORER_META])
        tokens = Tokens.from_json(kept[TOKENIZER_META], meta.tokens)
    except (KeyError, ValidationError, ValueError) as error:
        raise BundleError(f"{name} is no scorer that this version reads ({error}): export it again") from error
    return OnnxScorer(session, meta.reading, tokens)


def export_scorer(scorer: "AnswerScorer", folder: Path, stem: str) -> Path:
    """Write `<stem>.onnx`; nothing is written unless it says what the scorer says. It needs torch.

    Args:
        scorer: trained.
        folder: where the file goes; made if it is not there.
        stem: of its name.

    Raises:
        ParityError: the graph disagrees with the scorer.
        ValueError: the encoder has no ONNX form, or is too large for one file.
    """
    from anabranch.export.scorer_graph import scorer_graph
    from anabranch.export.scorer_parity import check_scorer_parity

    graph = scorer_graph(scorer).SerializeToString()
    check_scorer_parity(scorer, scorer_in(graph, stem), scorer.settings.reading)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.onnx"
    path.write_bytes(graph)
    return path
