"""Models that write together as one more arm: asked for the prompts of a label set, and judged as its answers were."""

import time
from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.ledger import read_ledger
from anabranch.data.collection.prompts import PromptSet, prompt_set
from anabranch.data.collection.recorded_terms import recorded_terms
from anabranch.data.collection.summary import Summary, summarise
from anabranch.data.collection.terms import Terms
from anabranch.data.columns import strings
from anabranch.data.labelset import LabelSet
from anabranch.data.recorded_judges import recorded_judges
from anabranch.data.split_rows import split_rows
from anabranch.upstreams.pool import Pool, PoolModel, open_upstream

UPSTREAM = "fusion"


@dataclass(frozen=True)
class FusedArm:
    """Models that write together.

    Args:
        method: a name of `FUSIONS`.
        members: folders, ids on the hub or pocket models.
        settings: of the method.
        weights: of the members; equal ones if None.
        device: where they run.
        dtype: of their weights.

    >>> FusedArm("gac", ("models/owl", "wren"), {"threshold": 0.5}, (2, 1)).name
    'gac(owl*2, wren*1; threshold=0.5)'
    """

    method: str
    members: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[float, ...] | None = None
    device: str = "auto"
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """All that makes it another arm, short enough for a table."""
        names = [_last(member) for member in self.members]
        if self.weights is not None:
            names = [f"{name}*{weight:g}" for name, weight in zip(names, self.weights, strict=False)]
        settings = "".join(f"; {name}={value}" for name, value in sorted(self.settings.items()))
        return f"{self.method}({', '.join(names)}{settings})"

    def pool(self, max_tokens: int | None = None) -> Pool:
        """The pool of this one arm.

        What it is made of is its name at the upstream: a ledger refuses another one of the same short name.
        """
        made_of = [self.method, *self.members, dict(sorted(self.settings.items())), self.weights, self.dtype]
        identity = orjson.dumps(made_of).decode()
        settings = {
            "kind": "fusion",
            "members": [*self.members],
            "method": self.method,
            "settings": dict(self.settings),
            "weights": self.weights,
            "models": [identity],
            "device": self.device,
            "dtype": self.dtype,
        }
        model = PoolModel(name=self.name, upstream=UPSTREAM, model=identity, max_tokens=max_tokens)
        return Pool(models=(model,), upstreams={UPSTREAM: settings})

    def check(self) -> None:
        """Refuse what cannot be, before anything is asked.

        Raises:
            PoolError: a member, a setting or a weight cannot be, and the message says which.
        """
        open_upstream(UPSTREAM, self.pool().upstreams[UPSTREAM], {})  # loads nothing

    def recorded(self, arms: Names[str]) -> tuple[str, ...]:
        """The members that a label set has answers of, under their name or the last part of it, as it names them."""
        found = (next((name for name in (one, _last(one)) if name in arms), None) for one in self.members)
        return tuple(dict.fromkeys(name for name in found if name is not None))


def _last(member: str) -> str:
    return member.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Asked:
    """What asking an arm came to.

    Args:
        arm: who was asked.
        folder: the label set of its answers.
        summary: of the collection.
        seconds: that this run took.
        computed_tokens: in this run.
        notes: what a reader must know of how it was asked.
    """

    arm: FusedArm
    folder: Path
    summary: Summary
    seconds: float
    computed_tokens: int
    notes: tuple[str, ...] = ()

    @property
    def tokens_per_s(self) -> float:
        """Of this run; NaN if it asked nothing."""
        return self.computed_tokens / self.seconds if self.computed_tokens else nan

    @property
    def prompts_per_s(self) -> float:
        """Of this run; NaN if it asked nothing."""
        asked = self.summary.models[self.arm.name].asked
        return asked / self.seconds if asked else nan


def ask(
    arm: FusedArm, labels: LabelSet, source: Path, split: str, folder: Path, max_tokens: int | None = None
) -> Asked:
    """Ask an arm for the prompts of a split as the recorded models were asked, and judge it as they were.

    Args:
        arm: whom.
        labels: the label set.
        source: its folder, whose ledger knows how its models were asked.
        split: of its prompts.
        folder: LABELS folder of the answers; what its ledger already has is not asked again.
        max_tokens: of an answer; as the recorded models were asked if None.

    Raises:
        LabelError: nobody can judge new answers as the recorded ones were.
        LedgerError: the folder's ledger is in use, or holds answers of another arm of this name.
    """
    prompts = _prompts(labels, split)
    terms, notes = _terms(source, arm.recorded(labels.arms()) or labels.arms(), max_tokens)
    pool = arm.pool(terms.max_tokens)
    before = summarise(read_ledger(folder / "ledger.sqlite"), arm.name, 0, 0, 0, None)
    began_s = time.monotonic()
    collection = Collection(pool, prompts, folder, terms, retry_failed=True, no_prices=True)
    summary = collection.run(Console(stderr=True))
    seconds = time.monotonic() - began_s
    computed = summary.models[arm.name].completion_tokens - before.completion_tokens
    return Asked(arm, folder, summary, seconds, computed, notes)


def _prompts(labels: LabelSet, split: str) -> PromptSet:
    """The judged prompts of a split, each with the judge of its recorded answers."""
    rows = split_rows(labels.splits, split)
    judges = recorded_judges(labels, [one for one, there in zip(labels.prompt_ids, rows, strict=True) if there])
    table = labels.prompts.filter(pa.array([prompt_id in judges for prompt_id in labels.prompt_ids]))
    column = pa.array([judges[prompt_id] for prompt_id in strings(table, "prompt_id")])
    kept = table.drop_columns(["judge"]) if "judge" in table.column_names else table
    return prompt_set(kept.append_column("judge", column))


def _terms(source: Path, models: tuple[str, ...], max_tokens: int | None) -> tuple[Terms, tuple[str, ...]]:
    # log-probabilities count the tokens of an answer, which tells whether all models were asked for each of them
    recorded = recorded_terms(source, models)
    if recorded is None:
        limit = "256 tokens, or what its models have room for" if max_tokens is None else f"{max_tokens} tokens"
        note = (
            f"how the recorded models were asked is not known; the fusion wrote the likeliest tokens, at most {limit}"
        )
        return Terms(max_tokens=max_tokens, logprobs=True), (note,)
    if max_tokens in (None, recorded.max_tokens):
        return Terms(1, recorded.temperature, recorded.max_tokens, logprobs=True), ()
    note = (
        f"the fusion was given {max_tokens} tokens an answer, the recorded models {recorded.max_tokens or 'no limit'}"
    )
    return Terms(1, recorded.temperature, max_tokens, logprobs=True), (note,)
