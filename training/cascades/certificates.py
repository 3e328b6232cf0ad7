"""What a recipe promises of its policies, for the RUN folder to keep."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.settings import CertificateSettings
from anabranch.training.cascades.recipe import CascadeRecipe, Ground


@runtime_checkable
class Certifying(Protocol):
    """A recipe some of whose policies come with a promise."""

    def certificates(self, ground: Ground, date: str) -> Mapping[Deferral, CertificateSettings]:
        """What is promised, by policy.

        Args:
            ground: as `learn` returned it.
            date: of the calibration.
        """


def certificates_of(recipe: CascadeRecipe, ground: Ground) -> Mapping[Deferral, CertificateSettings]:
    """What a recipe promises as of today; nothing if it is not one that certifies.

    Args:
        recipe: any.
        ground: as its `learn` returned it.
    """
    if not isinstance(recipe, Certifying):
        return {}
    return recipe.certificates(ground, datetime.now(UTC).date().isoformat())
