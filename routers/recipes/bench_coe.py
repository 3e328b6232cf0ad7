"""Bench-CoE (Wang et al. 2024)."""

from typing import Any, Literal

from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.estimators.homorouter import HomoRouter
from anabranch.routers.estimators.task_table import TaskTable
from anabranch.routers.recipe import Recipe


def bench_coe(
    kind: Literal["query", "subject"] = "query",
    hidden: int = 256,
    dropout: float = 0.2,
    lookup: Literal["soft", "hard"] = "soft",
    prior: float = 5.0,
    l2: float = 1.0,
) -> Recipe:
    """Bench-CoE: learn from benchmark labels which arms are right, prompt by prompt or task by task.

    Args:
        kind: query regresses every arm's quality by least squares; subject classifies the task and looks it up.
        hidden: query only: units of the hidden layer.
        dropout: query only: share of hidden units dropped in training.
        lookup: subject only: the expected row under P(task), or the likeliest task's.
        prior: subject only: prompts' worth of the overall mean mixed into every task.
        l2: subject only: strength of the classifier's shrinkage.

    Raises:
        ValueError: no such kind.
    """
    kinds: dict[str, tuple[type[Estimator], dict[str, Any]]] = {
        "query": (HomoRouter, {"hidden": hidden, "dropout": dropout}),
        "subject": (TaskTable, {"lookup": lookup, "prior": prior, "l2": l2}),
    }
    if kind not in kinds:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(kinds)}")
    estimator, settings = kinds[kind]
    return Recipe(estimator, settings, policy="argmax-utility", source="arXiv 2412.04167", specification="code")
