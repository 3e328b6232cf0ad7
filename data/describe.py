"""Description: what a label set holds, and what in it would mislead a router or a reader."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.text_keys import near_duplicate_groups, normalised

COLLISION_WORDS = 256
COVERAGE_TO_COMPETE = 0.95
_LATER = {"train": ("validation", "test"), "validation": ("test",), "test": ()}


@dataclass(frozen=True)
class ModelFacts:
    """One model: the share of prompts with its quality, and its means over what is known (None = nothing)."""

    name: str
    coverage: float
    quality: float | None
    cost_usd: float | None


@dataclass(frozen=True)
class LabelFacts:
    """What the labels say, before any router.

    Args:
        models: one row a model, best mean quality first.
        samples: most samples recorded of one prompt and model.
        missing_cells: share of (prompt, model) pairs without quality.
        cost_known: share of pairs with quality whose cost is known.
        measured_on: the split of the next three qualities: test, or all where there is no test split.
        best_single: the model with the best mean on train (on all where there is no train split). It and the
            next two look at models with quality on 95 % of train, or on the most there is where that is less.
        best_single_quality: its mean quality.
        random_quality: mean quality when every prompt draws one of its labelled models.
        oracle_quality: mean quality of each prompt's best model.
    """

    models: tuple[ModelFacts, ...]
    samples: int
    missing_cells: float
    cost_known: float
    measured_on: str
    best_single: str
    best_single_quality: float | None
    random_quality: float | None
    oracle_quality: float | None


@dataclass(frozen=True)
class Description:
    """The facts of a label set.

    Args:
        prompts: number of prompts.
        splits: prompts of each split.
        tasks: prompts of each split of each task.
        labels: None for a set of preferences only.
        preferences: number of votes.
        exact_duplicates: prompts that repeat an earlier one, but for case and punctuation.
        near_duplicates: prompts that repeat an earlier one exactly or nearly.
        straddlers: train and validation prompts whose question a later split holds too.
        colliding_heads: share of prompts whose first 256 words are those of a different prompt.
        colliding_heads_and_tails: the same for the first 64 and the last 192 words.
    """

    prompts: int
    splits: dict[str, int]
    tasks: dict[str, dict[str, int]]
    labels: LabelFacts | None
    preferences: int
    exact_duplicates: int
    near_duplicates: int
    straddlers: int
    colliding_heads: float
    colliding_heads_and_tails: float

    def to_json(self) -> str:
        """The facts as one JSON object; what is not known is null."""
        return json.dumps(asdict(self), ensure_ascii=False)


def describe(labels: LabelSet) -> Description:
    """Describe a label set; see `Description` for the facts.

    >>> import pyarrow as pa
    >>> prompts = pa.table({"prompt_id": ["x", "y"], "prompt": ["1 + 1?", "1 + 1"]})
    >>> describe(LabelSet(prompts, pa.table({"prompt_id": ["x"], "model": ["m"], "quality": [0.5]}))).exact_duplicates
    1
    """
    texts, splits = labels.texts, labels.splits
    groups = near_duplicate_groups(texts).tolist()
    tasks: dict[str, dict[str, int]] = {}
    for (task, split), count in sorted(Counter(zip(labels.tasks, splits, strict=True)).items()):
        tasks.setdefault(task, {})[split] = count
    return Description(
        prompts=len(texts),
        splits=dict(sorted(Counter(splits).items())),
        tasks=tasks,
        labels=_label_facts(labels.outcomes()) if labels.labels.num_rows else None,
        preferences=0 if labels.preferences is None else labels.preferences.num_rows,
        exact_duplicates=len(texts) - len({normalised(text) for text in texts}),
        near_duplicates=len(texts) - len(set(groups)),
        straddlers=_straddlers(splits, groups),
        colliding_heads=_colliding(texts, _head),
        colliding_heads_and_tails=_colliding(texts, _head_and_tail),
    )


def _label_facts(outcomes: Outcomes) -> LabelFacts:
    labelled = ~np.isnan(outcomes.quality)
    measured_on = "test" if "test" in outcomes.splits else "all"
    contest = outcomes.select(_competitors(outcomes))
    best = int(np.argmax([_mean(column) or 0.0 for column in _rows(contest, "train").quality.T]))
    quality = _rows(contest, "test").quality
    answered = quality[~np.isnan(quality).all(axis=1)]
    return LabelFacts(
        models=_model_facts(outcomes),
        samples=int((~np.isnan(outcomes.samples)).sum(axis=2).max()),
        missing_cells=float((~labelled).mean()),
        cost_known=float((~np.isnan(outcomes.cost_usd[labelled])).sum() / max(1, labelled.sum())),
        measured_on=measured_on,
        best_single=contest.arms[best],
        best_single_quality=_mean(quality[:, best]),
        random_quality=_mean(np.array([_mean(row) for row in answered])),
        oracle_quality=_mean(np.nanmax(answered, axis=1)),
    )


def _model_facts(outcomes: Outcomes) -> tuple[ModelFacts, ...]:
    facts = (
        ModelFacts(
            name=name,
            coverage=float((~np.isnan(outcomes.quality[:, arm])).mean()),
            quality=_mean(outcomes.quality[:, arm]),
            cost_usd=_mean(outcomes.cost_usd[:, arm]),
        )
        for arm, name in enumerate(outcomes.arms)
    )
    return tuple(sorted(facts, key=lambda model: -1.0 if model.quality is None else model.quality, reverse=True))


def _competitors(outcomes: Outcomes) -> list[str]:
    coverage = (~np.isnan(_rows(outcomes, "train").quality)).mean(axis=0)
    enough = min(COVERAGE_TO_COMPETE, coverage.max())
    return [arm for arm, share in zip(outcomes.arms, coverage, strict=True) if share >= enough]


def _rows(outcomes: Outcomes, split: str) -> Outcomes:
    return outcomes.split(split) if split in outcomes.splits else outcomes


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None


def _straddlers(splits: Sequence[str], groups: Sequence[int]) -> int:
    places = set(zip(groups, splits, strict=True))
    return sum(
        any((group, later) in places for later in _LATER[split]) for group, split in zip(groups, splits, strict=True)
    )


def _colliding(texts: Sequence[str], kept: Callable[[list[str]], list[str]]) -> float:
    """The share of texts that look like a different text once only some words are kept."""
    looks = {text: " ".join(kept(text.split())) for text in set(texts)}
    shared = Counter(looks.values())
    return sum(shared[looks[text]] > 1 for text in texts) / len(texts)


def _head(words: list[str]) -> list[str]:
    return words[:COLLISION_WORDS]


def _head_and_tail(words: list[str]) -> list[str]:
    head = COLLISION_WORDS // 4
    return words if len(words) <= COLLISION_WORDS else words[:head] + words[head - COLLISION_WORDS :]
