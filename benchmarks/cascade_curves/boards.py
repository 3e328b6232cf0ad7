"""The boards of cascades: which models and answers each is made of, and where costs come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from anabranch.data.answers import AnswerKind
from benchmarks.leaderboard.boards import POCKET

MIX = "best mix of single models"

READ = "kernel-ridge"
"""The router whose estimates cascades read before any call, unless another is named."""

NAMED = ("cascade-routing", "stack")
ROUTERS = (NAMED[1], READ, "mlp")
"""What cascades stand beside; the first is what `train auto` builds."""

NAMED_BOARDS = (POCKET, "routerbench_rdc")
"""The one comparison, named before it was run: the area under the first's curve less that under the second's."""


@dataclass(frozen=True)
class Price:
    """Where a model's estimated cost comes from.

    Args:
        row: the name of a row of model_prices.parquet.
        provider: of that row, as a name may have several.
        calls: how many such calls an answer takes.
    """

    row: str
    provider: str
    calls: int = 1


@dataclass(frozen=True)
class CascadeBoard:
    """A pool of models on one set of prompts, with what they answered.

    Args:
        name: of the board, and of its files.
        folder: below the folder of sets; of the pocket pool none.
        about: what it is, in a sentence or two.
        answers: how canonical answers are read; None if answers do not compare.
        prices: estimated costs, by model; empty where costs are recorded.
    """

    name: str
    folder: str
    about: str
    answers: AnswerKind | None
    prices: Mapping[str, Price] = field(default_factory=dict)


BOARDS: tuple[CascadeBoard, ...] = (
    CascadeBoard(
        POCKET,
        "",
        "The package's own four tiny models, asked live: five answers a prompt at temperature 0.7 with "
        "log-probabilities, 2,000 fresh prompts to test on. The models were made to differ, so kinder than most.",
        "text",
    ),
    CascadeBoard(
        "routerbench_rdc",
        "routerbench_rdc",
        "RouterBench's ARC and MBPP as RouterDC split them: one recorded answer of each model, with its real cost.",
        "mcq",
    ),
    CascadeBoard(
        "alpacaeval2",
        "alpacaeval2",
        "AlpacaEval 2: how surely GPT-4-turbo prefers an answer to that of gpt4_1106_preview. **Costs are estimates.**",
        None,
        {
            "FuseChat-Llama-3.2-1B-Instruct": Price("llama-3-2-1b-instruct", ""),
            "FuseChat-Llama-3.2-3B-Instruct": Price("llama-3-2-3b-instruct", ""),
            "FuseChat-Qwen-2.5-7B-Instruct": Price("qwen2.5-7b-instruct", "NVIDIA"),
            "FuseChat-Gemma-2-9B-Instruct": Price("google/gemma-2-9b-it", "togetherai"),
            "gpt-3.5-turbo-1106_verbose": Price("gpt-3.5-turbo-1106", "openai"),
            "gpt4_1106_preview": Price("gpt-4-1106-preview", "openai"),
        },
    ),
    CascadeBoard(
        "zeroeval",
        "zeroeval",
        "ZeroEval's answers to GSM8K and the hardest of MATH by models of 2024. **Costs are estimates**; that of "
        "o1-mini leaves out the tokens that it hides.",
        "number",
        {
            "Meta-Llama-3.1-8B-Instruct": Price("llama-3.1-8b-instruct", "NVIDIA"),
            "gemini-1.5-flash": Price("gemini-1.5-flash", "google"),
            "gpt-4o-mini-2024-07-18": Price("gpt-4o-mini-2024-07-18", "openai"),
            "claude-3-haiku-20240307": Price("claude-3-haiku-20240307", "anthropic"),
            "claude-3-5-haiku-20241022": Price("anthropic.claude-3-5-haiku-20241022-v1:0", "bedrock"),
            "gpt-4o-2024-08-06": Price("gpt-4o-2024-08-06", "openai"),
            "claude-3-5-sonnet-20241022": Price(
                "vercel_ai_gateway/anthropic/claude-3-5-sonnet-20241022", "vercel_ai_gateway"
            ),
            "o1-mini-2024-09-12": Price("azure/o1-mini-2024-09-12", "azure"),
        },
    ),
    CascadeBoard(
        "gsm8k_openai4",
        "gsm8k_openai4",
        "The GPT-3 systems of the GSM8K paper on its test questions. **Costs are estimates**, by the later models of "
        "these sizes; an answer that was chosen by a verifier is taken to cost a hundred answers.",
        "number",
        {
            "gpt3-6b_finetuning": Price("text-curie-001", "openai"),
            "gpt3-175b_finetuning": Price("text-davinci-003", "openai"),
            "gpt3-6b_verification": Price("text-curie-001", "openai", 100),
            "gpt3-175b_verification": Price("text-davinci-003", "openai", 100),
        },
    ),
)


def boards_named(names: tuple[str, ...]) -> tuple[CascadeBoard, ...]:
    """The boards of these names, in the order of the table; all of them if no name is given.

    Raises:
        ValueError: no such board.

    >>> [board.answers for board in boards_named(("zeroeval",))]
    ['number']
    """
    known = {board.name for board in BOARDS}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown board {name!r}; known: {', '.join(sorted(known))}")
    return tuple(board for board in BOARDS if not names or board.name in names)
