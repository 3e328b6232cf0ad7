"""The boards: which labels each is made of, and what its rows are sorted by."""

from dataclasses import dataclass
from typing import Literal

Main = Literal["quality", "aiq", "apgr"]

POCKET = "pocket"
"""The board whose labels are collected here, from the package's own models."""


@dataclass(frozen=True)
class Board:
    """A pool of models on one set of prompts.

    Of the models, those stay that answered nearly all prompts of each task, and of the test prompts those that all of
    these models answered: means over different prompts are not comparable.

    Args:
        name: of the board, and of its files.
        folder: below the folder of sets; of the pocket pool none.
        about: what it is, in a sentence.
        main: what its rows are sorted by.
        models: the pool; every model with enough answers if empty.
        families: the tasks to keep, by the part of their name before `/`; all if empty.
        left_out: file in the folder that lists prompts to leave out.
        accuracy: families whose quality counts as right (1) where it is above 0.
        macro: means are over tasks, each counting alike, instead of over prompts.
    """

    name: str
    folder: str
    about: str
    main: Main = "quality"
    models: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    left_out: str = ""
    accuracy: tuple[str, ...] = ()
    macro: bool = False


_PAIR = ("gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1")

BOARDS: tuple[Board, ...] = (
    Board(
        "routerbench_rdc",
        "routerbench_rdc",
        "RouterBench's ARC and MBPP as RouterDC split them: right or wrong, with the real cost of each answer.",
        main="aiq",
    ),
    Board(
        "routellm2_mmlu",
        "routellm2",
        "RouteLLM's pair on MMLU, less the prompts that RouteLLM lists as contaminated; 40 % of the prompts train.",
        main="apgr",
        models=_PAIR,
        families=("mmlu",),
        left_out="contaminated.parquet",
    ),
    Board(
        "routellm2_gsm8k",
        "routellm2",
        "RouteLLM's pair on GSM8K, less the prompts that RouteLLM lists as contaminated; 40 % of the prompts train.",
        main="apgr",
        models=_PAIR,
        families=("gsm8k",),
        left_out="contaminated.parquet",
    ),
    Board("llmrouter9", "llmrouter9", "LLMRouter's training set: open models of 7B to 70B on many tasks."),
    Board("llmrouter_nq6", "llmrouter_nq6", "LLMRouter's Natural Questions: F1 of short answers by open models."),
    Board("zeroeval", "zeroeval", "ZeroEval's answers to GSM8K and the hardest of MATH by models of 2024 and 2025."),
    Board(
        "alpacaeval2",
        "alpacaeval2",
        "AlpacaEval 2: how surely GPT-4-turbo prefers an answer to that of gpt4_1106_preview; with votes of judges.",
    ),
    Board(
        "routerdc7",
        "routerdc7",
        "RouterDC's 7B and 8B models: accuracy, the mean over the five tasks that it trains on.",
        families=("mmlu", "gsm8k", "cmmlu", "arc_challenge", "humaneval"),
        accuracy=("mmlu", "cmmlu", "arc_challenge"),
        macro=True,
    ),
    Board("gsm8k_openai4", "gsm8k_openai4", "The GPT-3 systems of the GSM8K paper on its test questions."),
    Board(
        POCKET,
        "",
        "The package's own four tiny models on prompts none of them has read; made to differ, so kinder than most.",
        main="aiq",
    ),
)


def boards_named(names: tuple[str, ...]) -> tuple[Board, ...]:
    """The boards of these names, in the order of the table; all of them if no name is given.

    Raises:
        ValueError: no such board.

    >>> [board.main for board in boards_named(("pocket",))]
    ['aiq']
    """
    known = {board.name for board in BOARDS}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown board {name!r}; known: {', '.join(sorted(known))}")
    return tuple(board for board in BOARDS if not names or board.name in names)
