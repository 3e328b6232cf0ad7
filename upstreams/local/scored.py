"""A token that was chosen, or read, and how likely it was."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scored:
    """One token.

    Args:
        token: its id.
        logprob: natural log of its probability; None if nobody asked, or if nothing precedes it.
        top: the likeliest ids in its place, the likeliest first, and their log-probabilities.
        by: the models that chose it, if it was not simply the model.
    """

    token: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    by: tuple[str, ...] = ()
