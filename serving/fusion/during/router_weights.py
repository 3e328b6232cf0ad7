"""Weights of the members of a fused model, prompt by prompt, from a router that was trained on their answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from anabranch.routers.router import Router
from anabranch.routers.run import load_run

By = Literal["decision", "quality"]
TEMPERATURE = 0.1  # of quality, which is 0 to 1 where it is calibrated


class RouterWeights:
    """What a router makes of routing texts, as weights of M members.

    Args:
        router: of arms that the members are among.
        members: M names.
        by: `decision` for all weight on the member that the router decides for, which is routing; `quality` for the
            softmax of the expected qualities.
        temperature: of that softmax; ours.

    Raises:
        ValueError: a member is none of the router's arms, or a setting is none.
    """

    def __init__(
        self, router: Router, members: Sequence[str], by: By = "decision", temperature: float = TEMPERATURE
    ) -> None:
        check_by(by, temperature)
        missing = [member for member in members if member not in router.arms]
        if missing:
            raise ValueError(f"members {missing} are no arms of router {router.name!r}, which has {list(router.arms)}")
        self._router, self._by, self._temperature = router, by, temperature
        self._places = np.array([router.arms.index(member) for member in members])

    @classmethod
    def of_run(cls, folder: Path, members: Sequence[str], by: By, temperature: float) -> "RouterWeights":
        """Of the router in a RUN folder; raises `ValueError` if it is none."""
        return cls(load_run(folder).router(folder.name), members, by, temperature)

    def __call__(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """The weights for each of B routing texts, M that sum to 1."""
        if self._by == "quality":
            quality = self._router.situation(texts).estimates.quality[:, self._places] / self._temperature
            grown = np.exp(quality - quality.max(axis=1, keepdims=True))
            return [tuple(row) for row in (grown / grown.sum(axis=1, keepdims=True)).tolist()]
        allowed = np.zeros((len(texts), len(self._router.arms)), bool)
        allowed[:, self._places] = True
        arms = self._router.decide(texts, mask=allowed).arm
        first = (self._places == arms[:, None]).argmax(axis=1)  # a model may be a member twice
        return [tuple(row) for row in np.eye(len(self._places))[first].tolist()]


def check_by(by: str, temperature: float) -> None:
    """Raise `ValueError` if weights cannot be made like this."""
    if by not in get_args(By) or not 0 < temperature < float("inf"):
        raise ValueError(
            f"router_weights {by!r}, router_temperature {temperature}: decision or quality, and a temperature above 0"
        )
