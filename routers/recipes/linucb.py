"""LinUCB (Li et al. 2010; MetaLLM), as a snapshot."""

from anabranch.routers.estimators.ridge import Ridge
from anabranch.routers.recipe import Recipe


def linucb(l2: float = 1.0, alpha: float = 1.0) -> Recipe:
    """LinUCB: ridge regression an arm on the prompts it was tried on, and optimism in proportion to its spread.

    Args:
        l2: strength of the shrinkage, the paper's identity matrix.
        alpha: standard deviations of optimism.
    """
    return Recipe(
        Ridge,
        {"l2": l2},
        policy="ucb",
        policy_settings={"alpha": alpha},
        source="arXiv 1003.0146; MetaLLM, arXiv 2407.10834",
        specification="code",
    )
