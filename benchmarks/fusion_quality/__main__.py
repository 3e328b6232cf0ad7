"""Measure every method of fusion during inference on fresh prompts, and write docs/fusion-measured.md; prints JSON.

    python -m benchmarks.fusion_quality --work FOLDER

Answers are kept in FOLDER and made once. One comparison was named before it was run, in `arms.NAMED`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.fusion_quality.measure import measured
from benchmarks.fusion_quality.page import write_page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for labels, answers and the router")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write the page into")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = measured(given.work)
    print(json.dumps({"page": str(write_page(found, given.docs)), "named": found["named"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
