"""A weak model asked several times; where its answers differ, a strong one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


@dataclass(frozen=True)
class MoTCascade:
    """Keep what the weak model says most often if it says it often enough, for every share that its samples can have.

    The paper asks under two prompts, one for words and one for programs, whose answers are run. Label sets hold samples
    of one prompt, so all samples vote here, and the form that compares two prompts is left out. Half of the samples
    are tried as well as all: they cost less. So are models by themselves.

    Args:
        samples: of the weak model, at least 2; all that are recorded if 0.
        depth: the most models that are paired.
        shares: the most shares that are tried for each number of samples.
    """

    source = "Yue et al. 2024, arXiv 2310.03094"
    specification = "code"
    router = None
    samples: int = 0
    depth: int = 4
    shares: int = 6

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
        for weak, strong in combinations(models, 2):
            for samples in numbers_of_samples(self.samples, samples_of(ground, (weak,), max(self.samples, 2))):
                for agreeing in evenly(range(min(2, samples), samples + 1), self.shares):
                    yield Consistency((weak, strong), samples, agreeing / samples)


def numbers_of_samples(asked: int, recorded: int) -> list[int]:
    """Half of the samples, and all of them: as many as are asked for, or recorded if that is 0.

    >>> numbers_of_samples(0, 5), numbers_of_samples(2, 5)
    ([3, 5], [2])
    """
    most = asked or recorded
    return sorted({max((most + 1) // 2, min(2, most)), most})
