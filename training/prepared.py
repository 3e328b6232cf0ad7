"""What a training starts from: labels read, split and checked."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.data.preferences import Preferences
from anabranch.data.prices import PriceTable
from anabranch.data.splits import CarvedSplits, carve
from anabranch.data.text_keys import near_duplicate_groups
from anabranch.routers.costing import Costing
from anabranch.routers.encoders.tokens import Tokens

log = logging.getLogger(__name__)

MAX_COLLISIONS = 0.05  # share of prompts an encoder may confuse before the user is told


@dataclass(frozen=True, eq=False)
class Prepared:
    """Outcomes of the pool's arms, and who trains and who calibrates.

    Args:
        label_set: where they come from.
        outcomes: every prompt, A arms.
        splits: rows of train, validation and test.
    """

    label_set: LabelSet
    outcomes: Outcomes
    splits: CarvedSplits

    @property
    def train(self) -> Outcomes:
        """The prompts to learn from."""
        return self.outcomes.take(self.splits.train)

    @property
    def validation(self) -> Outcomes:
        """The prompts that choose epochs and knobs."""
        return self.outcomes.take(self.splits.validation)

    def pooled(self) -> "Prepared":
        """The same with all prompts outside the test in train, and in validation too: for cross-fitted estimates."""
        rows = np.sort(np.concatenate([self.splits.train, self.splits.validation]))
        return replace(self, splits=replace(self.splits, train=rows, validation=rows))

    def votes(self, rows: Outcomes) -> Preferences:
        """The recorded votes on these prompts; in a label set without any, the votes that the outcomes imply."""
        if self.label_set.preferences is None or not self.label_set.preferences.num_rows:
            return Preferences.from_outcomes(rows)
        recorded = self.label_set.votes(rows.arms, rows.prompt_ids)
        return Preferences.none(rows.arms) if recorded is None else recorded


def prepare(
    labels: Path, models: Sequence[str] | None, samples: tuple[int, ...], *, validation_share: float, seed: int
) -> Prepared:
    """Read a label set, choose its arms, and split it.

    Args:
        labels: label-set folder.
        models: the pool; every model with labels if None.
        samples: arms a model, each best of so many samples; (1,) is the plain models.
        validation_share: share of train that calibrates, where no validation split is named.
        seed: of the split.

    Raises:
        ValueError: the labels break a rule, or an arm has no labels to train on.
    """
    label_set = read_labels(labels)
    outcomes = label_set.outcomes(models)
    if samples != (1,):
        names = [model if n == 1 else f"{model}#{n}" for model in outcomes.arms for n in samples]
        outcomes = with_arms(outcomes, names)
    groups = near_duplicate_groups(outcomes.texts)
    prepared = Prepared(label_set, outcomes, carve(outcomes, groups, validation_share=validation_share, seed=seed))
    _require_labels(prepared.train)
    if prepared.splits.straddlers:
        log.warning(
            "%d prompts left train or validation: another split holds the same question (or nearly the same)",
            prepared.splits.straddlers,
        )
    return prepared


def refuse_unknown_votes(label_set: LabelSet, models: Sequence[str] | None) -> None:
    """Refuse votes on models without labels, unless the pool was named: one of them may be misspelt.

    Raises:
        ValueError: the pool is every labelled model, and votes name others.
    """
    unknown = sorted(label_set.voted_models() - set(label_set.arms()))
    if models is None and unknown and label_set.labels.num_rows:
        raise ValueError(
            f"preferences.parquet names {len(unknown)} models without labels, e.g. {unknown[:3]}: correct the names, "
            f"or name the pool with --models to leave their votes out; models with labels: {list(label_set.arms())}"
        )


def warn_of_collisions(tokens: Tokens, texts: Sequence[str]) -> None:
    """Say so when many prompts begin alike, and whether the encoder can still tell them apart."""
    seen = tokens.collision_report(texts)
    if seen.head_only > MAX_COLLISIONS:
        log.warning(
            "%.0f %% of the prompts equal another one in their first %d tokens (a shared prefix); head and tail are "
            "kept instead, which leaves %.1f %% that cannot be told apart",
            100 * seen.head_only,
            tokens.max_tokens,
            100 * seen.head_and_tail,
        )
    if seen.head_and_tail > MAX_COLLISIONS:
        log.warning(
            "%.0f %% of the prompts collide after truncation to %d tokens: raise --encoder_options.max_tokens",
            100 * seen.head_and_tail,
            tokens.max_tokens,
        )


def costing_of(train: Outcomes, prices: PriceTable | None) -> Costing:
    """How usage becomes USD: tokens at `prices` if given, else the recorded USD, else unknown.

    Raises:
        ValueError: prices are given and the labels have no token counts.
    """
    if prices is None:
        known = not np.isnan(train.cost_usd).all(axis=0).any()
        return Costing("cost_usd" if train.has_cost and known else "unknown")
    if train.usage_kind != "completion_tokens" or np.isnan(train.prompt_tokens).all(axis=0).any():
        raise ValueError("prices need token counts: give prompt_tokens and completion_tokens in labels.parquet")
    chars = np.array([max(1, len(text)) for text in train.texts], np.float64)[:, None]
    per_token = [prices.per_token(arm.partition("#")[0]) for arm in train.arms]
    return Costing(
        "completion_tokens",
        input_usd=tuple(price[0] for price in per_token),
        output_usd=tuple(price[1] for price in per_token),
        tokens_per_char=tuple(float(ratio) for ratio in np.nanmean(train.prompt_tokens / chars, axis=0)),
        price_date=prices.date,
    )


def _require_labels(train: Outcomes) -> None:
    known = ~np.isnan(train.quality)
    if not known.any():
        raise ValueError("no quality is known on any train prompt: every cell of the labels is empty (NaN)")
    unlabelled = [arm for arm, count in zip(train.arms, known.sum(axis=0).tolist(), strict=True) if not count]
    if unlabelled:
        raise ValueError(f"models without labels on train prompts: {unlabelled}; collect labels or leave them out")
