"""What models said of the end of a prompt, each in its own tokens, over the bytes that all of them read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.longest_run import longest_run


@dataclass(frozen=True, eq=False)
class HeardPrompt:
    """The ids at the end of a prompt that write text, and what one model said before it read each.

    Args:
        ids: n.
        text: what they write.
        begins: n, where each begins in the text, in bytes, rising.
        said: log-probabilities (n, V).
    """

    ids: tuple[int, ...]
    text: bytes
    begins: tuple[int, ...]
    said: Tensor

    @classmethod
    def of(cls, ensemble: Ensemble, place: int, text: Text, most: int) -> "HeardPrompt":
        """One model's last `most` ids; what the first of them is, nothing was said of."""
        vocabulary = ensemble.models[place].vocabulary
        heard = ensemble.heard(place, text, most)
        ids = text.prompts[place][-len(heard) :][1:]
        writing = [at for at, token in enumerate(ids) if vocabulary.written[token] and token not in vocabulary.ends]
        written = [vocabulary.written[ids[at]] or b"" for at in writing]
        begins = [*accumulate(map(len, written), initial=0)][:-1]
        return cls(tuple(ids[at] for at in writing), b"".join(written), tuple(begins), heard[writing])

    @property
    def nats(self) -> Tensor:
        """What each id surprised the model by, float64 (n,)."""
        return -self.said[range(len(self.ids)), self.ids].double()


@dataclass(frozen=True, eq=False)
class SharedPrompt:
    """What models said of the same bytes of a prompt, from one boundary that all their tokens have to another.

    Args:
        heard: m, of each model.
        first: m, the first of its tokens there.
        last: m, the first of its tokens that is no more there.
        shared: P lists of m, tokens that begin where one of every model does.
    """

    heard: tuple[HeardPrompt, ...]
    first: tuple[int, ...]
    last: tuple[int, ...]
    shared: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, heard: Sequence[HeardPrompt]) -> "SharedPrompt | None":
        """The longest run of bytes that all heard, since templates write different ones; None if there is no token."""
        starts, length = longest_run([one.text for one in heard])
        tokens = [  # by where they begin in the run; one more at the end of all
            {begin - start: token for token, begin in enumerate([*one.begins, len(one.text)])}
            for one, start in zip(heard, starts, strict=True)
        ]
        bounds = sorted(bound for bound in set(tokens[0]).intersection(*tokens) if 0 <= bound <= length)
        if len(bounds) < 2:
            return None
        at = [tuple(each[bound] for each in tokens) for bound in bounds]
        return cls(tuple(heard), at[0], at[-1], tuple(at[:-1]))

    @property
    def tokens(self) -> list[int]:
        """How many each model has there, m."""
        return [last - first for first, last in zip(self.first, self.last, strict=True)]

    @property
    def nats(self) -> list[float]:
        """What all of each model's tokens there surprised it by, m."""
        spans = [slice(*span) for span in zip(self.first, self.last, strict=True)]
        return [one.nats[span].sum().item() for one, span in zip(self.heard, spans, strict=True)]
