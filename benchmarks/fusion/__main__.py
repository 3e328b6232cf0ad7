"""What fusion during inference costs besides its models; prints a line of JSON a part.

    python -m benchmarks.fusion [union] [steps] [memory] [--device cuda] [--pairs pocket] [--repeats 3]

Goals, on one thread:

    union   putting two vocabularies of 128,000 ids together: under 2 s; reading the union from its file, digests of the
            vocabularies included, and merging one step of both models are reported
    steps   tokens a second of two models that write together over those of the same models one after the other, each
            in the plain loop of transformers (E_sum), with prefixes of 32, 256 and 1,024 ids and 1 and 8 texts, of two
            pocket models and of two random ones of 30 million parameters. From 256 ids on, `gac` and `unite`: at least
            0.9 where the models' steps sum to 2 ms or more (random models 0.95), and where they do not, less than
            0.2 ms of overhead a step; `me`: at least 1.5; and a longer prefix adds no more than 1.25 times what it adds
            to the models' own steps, so that nobody's prefix is read again
    memory  bytes of all that 8 texts of 1,088 ids add, over the models' caches with their room to grow: at most 1.1

Times are of the processor (on a GPU of the clock), the best of several arms by turns, so that whatever else runs
disturbs them little. All arms of `steps` write the same prose, this project's own, since a random model writes nothing
that a tokenizer would.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.fusion.memory import memory
from benchmarks.fusion.models import PAIRS
from benchmarks.fusion.steps import steps
from benchmarks.fusion.union import union


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="union, steps, memory; all of them if none is named")
    parser.add_argument("--device", default="cpu", help="of torch, for steps and memory")
    parser.add_argument("--pairs", default=",".join(PAIRS), help="models, for steps and memory")
    parser.add_argument("--repeats", type=int, default=7, help="of each arm of steps; all of it takes half an hour")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = options.pairs.split(",")
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "union": union,
        "steps": partial(steps, pairs, repeats=options.repeats, device=options.device),
        "memory": partial(memory, pairs, device=options.device),
    }
    for part in options.parts or parts:  # a line each, so that what is measured is not lost to what fails later
        print(json.dumps({part: parts[part]()}), flush=True)


if __name__ == "__main__":
    main()
