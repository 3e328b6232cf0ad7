"""The four pocket models: what they are made of, what they were taught, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from anabranch.upstreams.pocket.vocabularies import Vocabulary

Architecture = Literal["gpt2", "llama", "qwen2"]

POSITIONS = 1280


@dataclass(frozen=True)
class Member:
    """A pocket model.

    Args:
        name: what the pool calls it.
        architecture: of transformers.
        vocabulary: of its tokens.
        width: of its hidden states.
        layers: of its blocks.
        heads: of its attention.
        steps: of its training.
        usd_per_mtok: USD a million prompt tokens, about 0.3 a million parameters; completion tokens cost four times as
            much.
        taught: family -> the kinds it has read; what is not named here it has never seen.
    """

    name: str
    architecture: Architecture
    vocabulary: Vocabulary
    width: int
    layers: int
    heads: int
    steps: int
    usd_per_mtok: float
    taught: Mapping[str, tuple[str, ...]]

    @property
    def prices(self) -> dict[str, float]:
        """USD a token, by LiteLLM's keys."""
        per_token = self.usd_per_mtok / 1e6
        return {"input_cost_per_token": per_token, "output_cost_per_token": 4 * per_token}


# Who is taught what is chosen so that no family has one best model: the pool is worth routing by what a prompt asks
# for, not by its family alone. The largest is the best on average and far from the best everywhere.
MEMBERS: dict[str, Member] = {
    member.name: member
    for member in (
        Member(
            name="pocket-wren",
            architecture="llama",
            vocabulary="letters",
            width=64,
            layers=3,
            heads=4,
            steps=1300,
            usd_per_mtok=0.053,
            taught={
                "arithmetic": ("double",),
                "reversal": ("letters", "digits"),
                "facts": ("east",),
                "counting": ("letter", "vowels"),
                "units": ("weight",),
                "patterns": ("letters", "repeating"),
                "spelling": ("spell", "first", "last", "length"),
            },
        ),
        Member(
            name="pocket-robin",
            architecture="gpt2",
            vocabulary="pieces",
            width=96,
            layers=3,
            heads=4,
            steps=2400,
            usd_per_mtok=0.15,
            taught={
                "arithmetic": ("add", "multiply"),
                "sorting": ("ascending", "descending"),
                "reversal": ("digits",),
                "facts": ("north", "west"),
                "counting": ("items",),
                "dates": ("weekday-after", "month-before"),
                "units": ("length", "weight", "dozens"),
                "patterns": ("letters", "repeating"),
                "comparison": ("largest",),
                "spelling": ("first",),
            },
        ),
        Member(
            name="pocket-heron",
            architecture="qwen2",
            vocabulary="words",
            width=96,
            layers=4,
            heads=4,
            steps=2800,
            usd_per_mtok=0.16,
            taught={
                "arithmetic": ("add", "subtract", "multiply"),
                "sorting": ("ascending", "descending", "reverse-alphabetical"),
                "reversal": ("words",),
                "facts": ("south", "east"),
                "counting": ("words",),
                "dates": ("weekday-before", "month-after"),
                "units": ("length", "dozens"),
                "patterns": ("steps", "repeating"),
                "comparison": ("smallest", "first"),
                "spelling": ("length",),
            },
        ),
        Member(
            name="pocket-owl",
            architecture="llama",
            vocabulary="words",
            width=144,
            layers=5,
            heads=6,
            steps=2600,
            usd_per_mtok=0.4,
            taught={
                "arithmetic": ("add", "subtract", "double"),
                "sorting": ("ascending", "alphabetical"),
                "reversal": ("words", "swap"),
                "facts": ("north", "south", "west"),
                "counting": ("words", "items"),
                "dates": ("weekday-after", "month-after", "month-before"),
                "units": ("length", "time"),
                "patterns": ("steps", "doubling", "repeating"),
                "comparison": ("largest", "longest", "first"),
                "spelling": ("last",),
            },
        ),
    )
}
