"""The contract of a cascade's recipe: recorded answers in, candidate policies out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.deferral import Deferral


@dataclass(frozen=True, eq=False)
class Ground:
    """What a recipe is fitted on: prompts that test nothing.

    Args:
        table: N prompts, M models; what was learnt on these prompts is cross-fitted: each prompt's signals come from
            parts that never saw it (but see `with_sureness`).
        signals: how serving works out those of the table's signals that are not recorded, in order.
        estimates: float [N, M], cross-fitted, of each model's quality before any call; None without a router.
        cost_usd: float64 [M], usual cost of a call of each model; NaN if unknown.
        seed: of draws.
        encoder: registry name, folder or hub id of the sentence encoder, for what is learnt of texts.
        encoder_options: of its constructor.
        cache: folder of the embedding cache; below ~/.cache/anabranch if None.
        progress: show progress bars.
    """

    table: ReplayTable
    signals: tuple[Signal, ...]
    estimates: Floats | None
    cost_usd: Floats
    seed: int
    encoder: str = "minilm"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    cache: Path | None = None
    progress: bool = False


class CascadeRecipe(Protocol):
    """A frozen dataclass: its fields are the recipe's settings, with defaults, and so the flags of `train`.

    `source` and `specification` are stated as constants, as estimators state them.
    """

    @property
    def router(self) -> str | None:
        """The router whose estimates it reads before any call, a registry name; None if it reads none."""

    def learn(self, ground: Ground) -> Ground:
        """The ground with the signals that the policies read, learnt on it and cross-fitted."""

    def policies(self, ground: Ground) -> Iterable[Deferral]:
        """Policies from cheap to dear, for `frontier_of` to replay; those that others beat fall away there.

        Raises:
            ValueError: a signal, a cost or samples are not there; the message says which, and the way out.
        """
