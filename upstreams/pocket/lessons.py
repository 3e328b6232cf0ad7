"""What a pocket model reads: questions of its curriculum as batches of token ids."""

from collections.abc import Iterator, Sequence
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from anabranch.upstreams.pocket.family import LEVELS
from anabranch.upstreams.pocket.members import Member
from anabranch.upstreams.pocket.questions import Question, draw, families
from anabranch.upstreams.pocket.vocabularies import ASSISTANT, END, USER

BATCH = 64
POOLED = 16  # batches sorted by length at a time: more would waste less on padding and mix kinds less
PROMPT_WEIGHT = 0.1  # enough to learn what prompts look like, so that their likelihood means something
CORPUS = 20_000

Example = tuple[list[int], list[int]]


def corpus(seed: int) -> Iterator[str]:
    """Prompts and answers of all families, for the vocabularies."""
    rng = Random(seed)
    cells = [(family, kind) for family in families() for kind in family.kinds]
    for _ in range(CORPUS):
        question = draw(rng, *rng.choice(cells), rng.choice(LEVELS), "learnt")
        yield question.prompt
        yield question.reference


def curriculum(member: Member, rng: Random) -> Iterator[Question]:
    """Questions of what a member is taught, without end; each of its kinds, and each level, as often as another."""
    taught = [(family, kind) for family in families(tuple(member.taught)) for kind in member.taught[family.name]]
    while True:
        family, kind = rng.choice(taught)
        yield draw(rng, family, kind, rng.choice(LEVELS), "learnt")


def encoded(questions: Sequence[Question], tokenizer: Tokenizer) -> list[Example]:
    """The token ids of each prompt, as a chat up to its answer, and of the answer."""
    prompts = tokenizer.encode_batch([f"{USER}{question.prompt}{END}{ASSISTANT}" for question in questions])
    answers = tokenizer.encode_batch([f"{question.reference}{END}" for question in questions])
    return [(prompt.ids, answer.ids) for prompt, answer in zip(prompts, answers, strict=True)]


def batch_of(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Token ids (B, S), 0 where padded, and the weight of predicting each, (B, S).

    >>> batch_of([([5, 6], [7, 4])])[1].tolist()
    [[0.10000000149011612, 0.10000000149011612, 1.0, 1.0]]
    """
    length = max(len(prompt) + len(answer) for prompt, answer in examples)
    ids, weights = torch.zeros(len(examples), length, dtype=torch.long), torch.zeros(len(examples), length)
    for row, (prompt, answer) in enumerate(examples):
        begin, end = len(prompt), len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        weights[row, :begin], weights[row, begin:end] = PROMPT_WEIGHT, 1.0
    return ids, weights


def batches(member: Member, tokenizer: Tokenizer, rng: Random) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of examples of nearly one length, without end."""
    source = curriculum(member, rng)
    while True:
        pooled = encoded([next(source) for _ in range(BATCH * POOLED)], tokenizer)
        pooled.sort(key=lambda example: len(example[0]) + len(example[1]))
        starts = list(range(0, len(pooled), BATCH))
        rng.shuffle(starts)
        for start in starts:
            yield batch_of(pooled[start : start + BATCH])
