"""What recipes have in common that let models vote."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.fuser import Fuser
from anabranch.training.after.sets import sets_of
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


@dataclass(frozen=True)
class Votes(ABC):
    """Models by themselves, and sets of them that vote.

    Args:
        depth: the most models of a set.
        samples: of each model, besides one of each; all that are recorded if 0.
        groups: the most sets of neighbours in price, of each size.
    """

    router = None
    depth: int = 4
    samples: int = 0
    groups: int = 6

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`: sets are asked once each, and as often as there are samples.

        Raises:
            ValueError: answers cannot be compared, one is not recorded, or a cost is unknown.
        """
        refuse_without_keys(ground)
        samples_of(ground, range(len(ground.table.models)), self.samples or 1)
        yield from map(alone, lineup(ground, max(len(ground.table.models), 2)))
        fuser = self.fuser(ground.table)
        for models in sets_of(ground, fuser, self.depth, self.groups):
            for number in sorted({1, self.samples or samples_of(ground, models)}):
                if number * len(models) > 1:
                    yield FuseAll(models, number, fuser)

    @abstractmethod
    def fuser(self, table: ReplayTable) -> Fuser:
        """The fuser that the answers of N prompts make."""


@dataclass(frozen=True)
class VotesAmong(Votes):
    """Votes that count by how many answers a prompt has.

    Args:
        choices: how many answers a prompt has to choose from, 4 for letters A to D; estimated from how often wrong
            answers are the same if 0.
    """

    choices: int = 0
