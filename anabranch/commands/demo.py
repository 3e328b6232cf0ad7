"""anabranch demo"""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from anabranch.commands.answer import Answer


def demo(
    *,
    out: Path = Path("demo"),
    prompts: int = 2000,
    recipes: list[str] = ["knn", "mlp"],  # noqa: B006 - the parser copies it
    requests: int = 8,
) -> Answer:
    """Do the whole main job on the models that ship: collect labels, train routers, judge them, export, serve.

    Args:
        out: folder to write; labels collected there by an earlier demo are kept, all else is made again.
        prompts: how many, 5000 at most; three in ten are kept for the test.
        recipes: routers to train, as `anabranch methods` lists them; the last one is exported and served.
        requests: how many to send to the served bundle.
    """
    from anabranch.__main__ import main
    from anabranch.demo.walk import Walk

    asked = Walk(out, prompts, recipes, requests, main, Console()).walk()
    return Answer("", {"out": str(out), "requests": [asdict(one) for one in asked]})
