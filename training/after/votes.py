"""The policies of a recipe that votes."""

from collections.abc import Callable, Iterator

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.fuser import Fuser
from anabranch.training.after.sets import sets_of
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import refuse_without_keys, samples_of


def votes_of(
    ground: Ground, fitted: Callable[[ReplayTable], Fuser], depth: int, samples: int, groups: int
) -> Iterator[Deferral]:
    """Models by themselves, then sets of them that are asked once each, and as often as there are samples.

    Args:
        ground: N prompts, M models.
        fitted: the fuser that these answers make.
        depth: the most models of a set.
        samples: of each; all that are recorded if 0.
        groups: the most sets of neighbours in price, of each size.

    Raises:
        ValueError: answers cannot be compared, one is not recorded, or a cost is unknown.
    """
    refuse_without_keys(ground)
    samples_of(ground, range(len(ground.table.models)), samples or 1)
    yield from map(alone, lineup(ground, max(len(ground.table.models), 2)))
    fuser = fitted(ground.table)
    for models in sets_of(ground, fuser, depth, groups):
        for number in sorted({1, samples or samples_of(ground, models)}):
            if number * len(models) > 1:
                yield FuseAll(models, number, fuser)
