"""Preferences: pairwise votes between arms on prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.outcomes import Floats, Outcomes

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Preferences:
    """P votes: on prompt `prompt`, arm b beats arm a with probability `p_b`.

    Args:
        arms: A names.
        prompt: int64 [P], row of the prompt in the table the votes belong to.
        arm_a: int64 [P], index into `arms`.
        arm_b: int64 [P], index into `arms`; differs from `arm_a`.
        p_b: float32 [P] in [0, 1]; 0.5 is a tie.
        weight: float32 [P], at least 0.

    Raises:
        ValueError: a length, index or range breaks the rules above.

    >>> votes = Preferences.from_outcomes(Outcomes.from_arrays(["a", "b"], [[0, 1], [1, 1]]))
    >>> votes.p_b.tolist()
    [1.0, 0.5]
    """

    arms: tuple[str, ...]
    prompt: Ints
    arm_a: Ints
    arm_b: Ints
    p_b: Floats
    weight: Floats

    def __post_init__(self) -> None:
        for name in ("arm_a", "arm_b", "p_b", "weight"):
            if getattr(self, name).shape != self.prompt.shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {self.prompt.shape}")
        for name, array, top in (
            ("prompt", self.prompt, np.inf),
            ("arm_a", self.arm_a, len(self.arms) - 1),
            ("arm_b", self.arm_b, len(self.arms) - 1),
            ("p_b", self.p_b, 1.0),
            ("weight", self.weight, np.inf),
        ):
            bad = ~((array >= 0) & (array <= top))
            if bad.any():
                row = int(np.argmax(bad))
                raise ValueError(f"{name}[{row}] is {array[row]}; it must lie in [0, {top:g}]")
        if (self.arm_a == self.arm_b).any():
            row = int(np.argmax(self.arm_a == self.arm_b))
            raise ValueError(f"vote {row} compares {self.arms[self.arm_a[row]]!r} with itself")

    def __len__(self) -> int:
        return len(self.prompt)

    @classmethod
    def none(cls, arms: Sequence[str]) -> Self:
        """No vote at all between these arms."""
        nobody, nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        return cls(tuple(arms), nobody, nobody, nobody, nothing, nothing)

    @classmethod
    def from_outcomes(cls, outcomes: Outcomes) -> Self:
        """Every pair of arms whose quality is known on a prompt, as one vote; equal quality is a tie."""
        first, second = np.triu_indices(len(outcomes.arms), k=1)
        gap = outcomes.quality[:, second] - outcomes.quality[:, first]  # (N, pairs)
        prompt, pair = np.nonzero(~np.isnan(gap))
        return cls(
            arms=outcomes.arms,
            prompt=prompt,
            arm_a=first[pair],
            arm_b=second[pair],
            p_b=(0.5 + 0.5 * np.sign(gap[prompt, pair])).astype(np.float32),
            weight=np.ones(len(prompt), np.float32),
        )

    def wins(self, prompts: int) -> Floats:
        """Votes summed a prompt, float32 [prompts, A, A]: the weight for the row's arm over the column's.

        >>> Preferences.from_outcomes(Outcomes.from_arrays(["a", "b"], [[0, 1], [1, 1]])).wins(2).tolist()
        [[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.5], [0.5, 0.0]]]
        """
        wins = np.zeros((prompts, len(self.arms), len(self.arms)), np.float32)
        np.add.at(wins, (self.prompt, self.arm_b, self.arm_a), self.weight * self.p_b)
        np.add.at(wins, (self.prompt, self.arm_a, self.arm_b), self.weight * (1 - self.p_b))
        return wins

    def take(self, rows: ArrayLike, *, prompts: int) -> Self:
        """The votes on the prompts at `rows` (indices into a table of `prompts` rows), renumbered to it."""
        index = np.arange(prompts)[np.asarray(rows)]
        new_row = np.full(prompts, -1)
        new_row[index] = np.arange(len(index))
        keep = new_row[self.prompt] >= 0
        return self._kept(keep, new_row[self.prompt[keep]], self.arm_a[keep], self.arm_b[keep], self.arms)

    def select(self, models: Sequence[str]) -> Self:
        """The votes between the arms named."""
        new_arm = np.array([models.index(arm) if arm in models else -1 for arm in self.arms])
        keep = (new_arm[self.arm_a] >= 0) & (new_arm[self.arm_b] >= 0)
        a, b = new_arm[self.arm_a[keep]], new_arm[self.arm_b[keep]]
        return self._kept(keep, self.prompt[keep], a, b, tuple(models))

    def _kept(self, keep: NDArray[np.bool_], prompt: Ints, a: Ints, b: Ints, arms: tuple[str, ...]) -> Self:
        return type(self)(arms, prompt, a, b, self.p_b[keep], self.weight[keep])
