"""anabranch data describe"""

from dataclasses import asdict
from pathlib import Path

from anabranch.commands.answer import Answer
from anabranch.data.describe import describe as describe_labels
from anabranch.data.describe_console import render
from anabranch.data.labelset import read_labels


def describe(labels: Path) -> Answer:
    """Say what a label set holds: models, coverage, quality, cost, tasks, oracle, duplicates, missing cells.

    Args:
        labels: label-set folder.
    """
    description = describe_labels(read_labels(labels))
    return Answer(render(description), asdict(description))
