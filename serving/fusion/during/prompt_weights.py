"""Weights of models by how well they predict a prompt (PackLLM)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from anabranch.serving.fusion.during.heard_prompt import SharedPrompt
from anabranch.serving.fusion.during.reference_columns import columns
from anabranch.serving.fusion.during.union_map import UnionMap


def by_loss(losses: Sequence[float], temperature: float) -> list[float]:
    """The softmax of what models lose a token, in nats, with the sign turned.

    >>> [round(weight, 3) for weight in by_loss([1.0, 2.0], 1.0)]
    [0.731, 0.269]
    """
    weights: list[float] = torch.tensor(losses, dtype=torch.float64).div(-temperature).softmax(dim=0).tolist()
    return weights


def by_greedy_search(
    prompt: SharedPrompt, union: UnionMap, places: Sequence[int], losses: Sequence[float], grid: float, missing: str
) -> list[float]:
    """The weights with which a mixture of log-probabilities predicts a prompt best, m, found model after model.

    The best model comes first; each other in its turn is mixed with what there is so far, in the share that predicts
    the best model's tokens best wherever a token of every model begins.

    Args:
        prompt: what m models said of it.
        union: of the vocabularies.
        places: m, of the models.
        losses: m, of each alone.
        grid: step of the shares that are tried, from 0 to 1.
        missing: see `stand_ins`.
    """
    order = sorted(range(len(places)), key=lambda model: losses[model])
    best = order[0]
    reference = places[best]

    def logs(model: int) -> Tensor:  # (P, S)
        said = prompt.heard[model].said[[tokens[model] for tokens in prompt.shared]]
        return columns(union, reference, places[model], missing).logs(said)

    ids = [prompt.heard[best].ids[tokens[best]] for tokens in prompt.shared]
    target = torch.searchsorted(
        columns(union, reference, reference, missing).symbol, union.columns[reference][ids]
    )  # (P,)
    mixture = logs(best)
    weights = [0.0] * len(places)
    weights[best] = 1.0
    for model in order[1:]:
        other = logs(model)
        share = _best_share(mixture, other, target, grid)
        mixture = share * mixture + (1 - share) * other
        weights = [share * weight for weight in weights]
        weights[model] = 1 - share
    return weights


def _best_share(mixture: Tensor, other: Tensor, target: Tensor, grid: float) -> float:
    """The share of the mixture at which it predicts best; of equals the largest."""
    count = round(1 / grid)
    shares = [step / count for step in range(count, -1, -1)]
    losses = [
        torch.nn.functional.cross_entropy(share * mixture + (1 - share) * other, target).item() for share in shares
    ]
    return shares[losses.index(min(losses))]
