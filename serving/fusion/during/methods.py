"""Methods that only put parts together, as their papers do."""

from anabranch.serving.fusion.during.linear import linear
from anabranch.serving.fusion.during.log_linear import log_linear
from anabranch.serving.fusion.during.step import Step
from anabranch.serving.fusion.during.together import Together
from anabranch.serving.fusion.during.top_k_union import TopKUnion
from anabranch.serving.fusion.during.when_unsure import WhenUnsure


def gac(threshold: float = 1.0, primary: int = 0) -> Step:
    """The mean of all models over the union of their vocabularies (Yu et al. 2024, arXiv 2406.12585).

    Args:
        threshold: probability of the primary model's likeliest token above which the others are not asked; 1 asks them
            always, as the authors' configuration does.
        primary: the model that writes while it is sure.
    """
    together = Together(linear)
    return together if threshold >= 1 else WhenUnsure(together, threshold, primary)


def unite(k: int = 10) -> Step:
    """The mean of all models over the union of their k likeliest tokens (Yao et al. 2024, arXiv 2410.03777)."""
    return Together(TopKUnion(k))


def purify() -> Step:
    """The geometric mean of models of one vocabulary (Li et al. 2024, arXiv 2402.14845)."""
    return Together(log_linear)
