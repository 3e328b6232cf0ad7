"""The stages of the demonstration, each an `anabranch` command; what it prints is what that command prints."""

import json
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml
from rich.console import Console

from anabranch.demo.asked import Asked, ask
from anabranch.demo.ending import requests_table, summary
from anabranch.demo.failed import DemoFailed
from anabranch.demo.server import serving
from anabranch.upstreams.pocket.frozen import test_questions
from anabranch.upstreams.pocket.pool import pocket_pool

Run = Callable[[Sequence[str]], int]

TEST_SHARE = 0.3
CONCURRENCY = 128
MADE_AGAIN = ("runs", "report", "bundle")


class Walk:
    """The main job in a folder, stage by stage.

    Args:
        out: folder; labels already collected there are kept, all else is made again.
        prompts: how many, train and test together.
        recipes: routers to train; the last one is exported.
        requests: how many to send to the served bundle.
        run: runs the words of an `anabranch` command and returns its exit code.
        console: where the stages are announced.
    """

    def __init__(
        self, out: Path, prompts: int, recipes: Sequence[str], requests: int, run: Run, console: Console
    ) -> None:
        self.out, self.prompts, self.recipes, self.requests = out, prompts, recipes, requests
        self._run, self._console, self._stage = run, console, 0

    def walk(self) -> list[Asked]:
        """All of it.

        Raises:
            DemoFailed: a stage did not end well.
        """
        started = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        for name in MADE_AGAIN:
            shutil.rmtree(self.out / name, ignore_errors=True)
        self._collect()
        self._train()
        exported = self._export()
        asked = self._serve()
        report = json.loads((self.out / "report" / "report.json").read_text())
        took_s = time.monotonic() - started
        self._console.print(requests_table(asked), summary(report, self.out, exported, took_s), soft_wrap=True)
        return asked

    def _collect(self) -> None:
        test = round(self.prompts * TEST_SHARE)
        self._announce("prompts with known answers, from ten families of tasks")
        counts = ["--train", str(self.prompts - test), "--test", str(test)]
        self._do("pocket", "prompts", "--out", self.out / "prompts", *counts)
        self._announce("four small models answer them all, over HTTP, and are judged")
        self._console.print("[dim]$ anabranch serve pocket &[/dim]")
        with serving(["pocket", "--quiet"], self.out / "models.log") as address:
            pool = write_pool_file(self.out / "pool.yaml", address, CONCURRENCY)
            self._do("data", "collect", "--pool", pool, "--prompts", self.out / "prompts", "--out", self.out / "labels")

    def _train(self) -> None:
        for recipe in self.recipes:
            self._announce(f"a router learns from the labels: {recipe}")
            run = self.out / "runs" / recipe
            self._do(
                "train", recipe, "--labels", self.out / "labels", "--out", run, *self._cache, "--tracker", "disabled"
            )
        self._announce("is routing worth it? measured on prompts that no router has seen")
        runs = [self.out / "runs" / recipe for recipe in self.recipes]
        self._do("evaluate", *runs, "--labels", self.out / "labels", "--out", self.out / "report", *self._cache)

    def _export(self) -> str:
        """Package a router; which one was said before anything was measured, as the test must choose nothing."""
        recipe = self.recipes[-1]
        self._announce(f"{recipe} becomes a bundle that decides without torch")
        report = ["--report", str(self.out / "report")]
        self._do("export", self.out / "runs" / recipe, "--out", self.out / "bundle", *report)
        return recipe

    def _serve(self) -> list[Asked]:
        self._announce("the bundle is served, and requests are routed")
        words = [str(self.out / "bundle"), "--pool", "pocket", "--tradeoff", "1"]
        self._console.print(f"[dim]$ anabranch serve {shlex.join(words)} &[/dim]", soft_wrap=True, highlight=False)
        with serving([*words, "--quiet"], self.out / "gateway.log") as address:
            return ask(address, test_questions()[: self.requests])

    @property
    def _cache(self) -> tuple[str, str]:
        return "--cache", str(self.out / "cache")

    def _announce(self, what: str) -> None:
        self._stage += 1
        self._console.print(f"\n[bold]{self._stage}/{5 + len(self.recipes)} {what}[/bold]")

    def _do(self, *words: str | Path) -> None:
        command = [str(word) for word in words]
        self._console.print(f"[dim]$ anabranch {shlex.join(command)}[/dim]", soft_wrap=True, highlight=False)
        code = self._run(command)
        if code:
            raise DemoFailed(f"`anabranch {shlex.join(command)}` ended with code {code}; what it said is above")


def write_pool_file(path: Path, address: str, concurrency: int) -> Path:
    """The pool file of the pocket models behind HTTP.

    Args:
        path: to write.
        address: of `anabranch serve pocket`.
        concurrency: requests at once.
    """
    served = {"base_url": f"{address}/v1", "concurrency": concurrency}
    models = [{**model.model_dump(exclude_defaults=True), "upstream": "models"} for model in pocket_pool().models]
    path.write_text(yaml.safe_dump({"upstreams": {"models": served}, "models": models}, sort_keys=False))
    return path
