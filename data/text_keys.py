"""Text keys: which prompts are the same question, word for word or nearly."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain

import numpy as np

from anabranch.data.minhash import Ints, Sets, mixed

SHINGLE_WORDS = 3
COMMON_SHARE = 0.005
COMMON_PROMPTS = 10

_PAIRS_AT_ONCE = 4096
# operators stay, so that 3 + 4 and 3 - 4 are two questions; other punctuation does not tell questions apart
_TOKEN = re.compile(r"[^\W_]+|[+*/=<>^%]|-(?=\s*\d)")


def normalised(text: str) -> str:
    """The words and operators of a text in lower case, one blank between; the text itself if it has none.

    >>> normalised("  What is  ３ + 4?! ")
    'what is 3 + 4'
    """
    return " ".join(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())) or text.strip()


def near_duplicate_groups(texts: Sequence[str], *, threshold: float = 0.8, seed: int = 0) -> Ints:
    """Group numbers int64 [N]: texts of one group are equal when normalised, or nearly so.

    Two texts are near duplicates when the Jaccard similarity of their word 3-grams is at least `threshold`;
    groups are the connected components. 3-grams in more than 10 texts and more than 0.5 % of them do not
    count: prompts that share a long few-shot prefix differ in their question only, and are not duplicates.
    A text without other 3-grams joins only its exact equals. Candidates come from MinHash; each is verified.

    Args:
        texts: N texts.
        threshold: similarity in (0, 1].
        seed: of the hash functions.

    Raises:
        ValueError: `threshold` is outside (0, 1].

    >>> near_duplicate_groups(["What is 2 + 2?", "Name a river.", "what is 2+2"]).tolist()
    [0, 1, 0]
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must lie in (0, 1]")
    keys = [normalised(text) for text in texts]
    number = {key: rank for rank, key in enumerate(dict.fromkeys(keys))}
    roots = _roots(_rare_shingles(list(number)), threshold, seed)
    return _by_first_appearance(roots[[number[key] for key in keys]])


def _roots(sets: Sets, threshold: float, seed: int) -> Ints:
    """One set of each connected component of near-equal sets, int64 [U]."""
    roots = np.arange(sets.count)
    for batch in sets.candidates(threshold, seed):
        for start in range(0, len(batch), _PAIRS_AT_ONCE):
            pairs = batch[start : start + _PAIRS_AT_ONCE]
            pairs = pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]]
            roots = _joined(roots, pairs[sets.jaccard(pairs) >= threshold])
    return roots


def _joined(roots: Ints, pairs: Ints) -> Ints:
    """Union-find: the roots once the sets of each pair share one."""
    parents = roots.copy()

    def root(one: int) -> int:
        while parents[one] != one:
            one = int(parents[one])
        return one

    for first, second in pairs.tolist():
        low, high = sorted((root(first), root(second)))
        parents[high] = low
    while (parents != parents[parents]).any():
        parents = parents[parents]
    return parents


def _rare_shingles(keys: list[str]) -> Sets:
    """Each text's distinct word 3-grams, without those that are common."""
    words = [key.split() for key in keys]
    number = {word: rank for rank, word in enumerate(dict.fromkeys(chain.from_iterable(words)))}
    word = np.array([number[one] for one in chain.from_iterable(words)], np.uint64)
    owner = np.repeat(np.arange(len(keys)), [len(some) for some in words])
    first = np.arange(max(0, len(word) - SHINGLE_WORDS + 1))
    first = first[owner[first] == owner[first + SHINGLE_WORDS - 1]]
    shingle = np.zeros(len(first), np.uint64)
    for place in range(SHINGLE_WORDS):
        shingle = mixed(shingle + word[first + place])
    kinds, item = np.unique(shingle, return_inverse=True)
    owner, item = np.divmod(np.unique(owner[first] * max(1, len(kinds)) + item), max(1, len(kinds)))
    rare = np.bincount(item) <= max(COMMON_PROMPTS, COMMON_SHARE * len(keys))
    return Sets(owner[rare[item]], item[rare[item]], len(keys))


def _by_first_appearance(roots: Ints) -> Ints:
    _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
