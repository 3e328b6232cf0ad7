"""BEST-Route (Ding et al. 2025)."""

from anabranch.routers.estimators.best_route import BestRoute
from anabranch.routers.recipe import Recipe


def best_route(samples: tuple[int, ...] = (1, 2, 4), hidden: int = 256, slack: float = 0.0) -> Recipe:
    """BEST-Route: every model with 1, 2, 4 ... samples is an arm; the cheapest that matches the best model answers.

    Args:
        samples: best-of-n arms a model; only (1,) is possible when every prompt was answered once.
        hidden: units of the hidden layer.
        slack: how much worse an answer may be and still match; in units of quality.
    """
    settings = {"hidden": hidden, "slack": slack}
    return Recipe(
        BestRoute, settings, policy="cheapest-above", samples=samples, source="arXiv 2506.22716", specification="code"
    )
