"""How much each member of a fused model counts."""

from collections.abc import Sequence

FIELD = "fusion_weights"
"""Of a request, for weights of its own."""


def shares(weights: Sequence[float] | None, members: int) -> tuple[float, ...]:
    """Weights that sum to 1; equal ones if there are none.

    Raises:
        ValueError: not as many as members, one that is negative or not finite, or all are 0.

    >>> shares([2, 1, 1], 3)
    (0.5, 0.25, 0.25)
    """
    given = (1.0,) * members if weights is None else tuple(weights)
    if len(given) != members or not all(0 <= one < float("inf") for one in given) or not sum(given) > 0:
        raise ValueError(f"weights {list(given)}: {members} members need as many weights, at least 0 and not all 0")
    return tuple(one / sum(given) for one in given)
