"""Models one after another, each asked several times, until one agrees with itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.model_switch import ModelSwitch as Switch
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.mot_cascade import numbers_of_samples
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


@dataclass(frozen=True)
class ModelSwitch:
    """Ask the next model where the samples of one differ; all pairs, and all models in a row, at several shares.

    The paper stops only where all samples agree. Here lower shares of agreement, half of the samples, and models by
    themselves are tried as well.

    Args:
        samples: of each model, at least 2; all that are recorded if 0.
        weighted: votes count by how much their model agrees with itself; by itself each counts 1.
        depth: the most models.
        shares: the most shares that are tried for each number of samples.
    """

    source = "Chen et al. 2025, arXiv 2504.00762"
    specification = "code"
    router = None
    samples: int = 0
    weighted: bool = False
    depth: int = 4
    shares: int = 3

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: answers cannot be compared, samples are missing, or a cost is unknown.
        """
        refuse_without_keys(ground)
        models = lineup(ground, self.depth)
        yield from map(alone, models)
        for asked in dict.fromkeys((*combinations(models, 2), models)):
            for samples in numbers_of_samples(self.samples, samples_of(ground, asked, max(self.samples, 2))):
                for agreeing in evenly(range(min(2, samples), samples + 1), self.shares):
                    yield Switch(asked, samples, agreeing / samples, self.weighted)
