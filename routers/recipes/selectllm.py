"""SelectLLM (Maurya et al. 2025)."""

from anabranch.routers.estimators.multi_label import MultiLabel
from anabranch.routers.recipe import Recipe


def selectllm(above: float = 0.5, most: int = 3) -> Recipe:
    """SelectLLM: one fine-tuned network says which models solve the prompt, and the most confident of them are called.

    Args:
        above: P(correct) from which a model is thought to solve the prompt.
        most: models called a prompt.
    """
    return Recipe(
        MultiLabel,
        policy="set-valued",
        policy_settings={"above": above, "most": most},
        source="arXiv 2408.08545",
        specification="memory",
    )
