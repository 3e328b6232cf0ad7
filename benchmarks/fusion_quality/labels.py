"""The prompts, and what each model answers to them alone."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.collection.terms import Terms
from anabranch.data.pocket_prompts import pocket_prompts, prompts_table
from anabranch.upstreams.pocket.families.registry import TAUGHT, TEST_ONLY
from anabranch.upstreams.pocket.frozen import test_questions, train_questions
from anabranch.upstreams.pocket.pool import pocket_pool
from anabranch.upstreams.pocket.questions import Question, fresh
from benchmarks.cascade_curves.labels import fresh_questions
from benchmarks.fusion_quality.arms import SEED, TEST, TRAIN


def asked() -> list[Question]:
    """The 2,000 test prompts: none of them is in any other set of this project."""
    others = (*train_questions(), *test_questions(), *fresh_questions())
    return fresh(TEST, SEED, (*TAUGHT, *TEST_ONLY), [question.prompt for question in others])


def collect(folder: Path) -> Path:
    """Ask the pocket models one by one, greedily; what is answered already is not asked again."""
    with TemporaryDirectory() as scratch:
        table = pa.concat_tables([pocket_prompts(TRAIN, 0), prompts_table("fused", asked(), split="test")])
        pq.write_table(table, Path(scratch) / "prompts.parquet")
        terms = Terms(samples=1, temperature=0.0)
        Collection(pocket_pool(), read_prompts(Path(scratch)), folder, terms=terms).run(Console(stderr=True))
    return folder
