"""Model-written Python in a child process, within limits."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anabranch.serving import limited_run
from anabranch.serving.isolation import Isolation, isolation

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
OPEN_FILES = 64
LEAST_SECRET = 8


@dataclass(frozen=True)
class RunLimits:
    """What a piece of code may take.

    Args:
        wall_s: until it is stopped.
        cpu_s: of one process.
        memory_mb: address space of one process, in MiB.
        file_mb: of one file, in MiB; its output is one.
        processes: of its user, threads included, when it starts another; root has as many as it likes.
        output_bytes: of its output that are kept: the beginning and the end.
        code_bytes: of the code.

    Raises:
        ValueError: one is not above 0.
    """

    wall_s: float = 30.0
    cpu_s: int = 20
    memory_mb: int = 1024
    file_mb: int = 8
    processes: int = 32
    output_bytes: int = 8192
    code_bytes: int = 65_536

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} is {value}; it must be above 0")

    @property
    def resources(self) -> dict[str, int]:
        """By the end of their names in `resource`."""
        return {
            "CPU": self.cpu_s,
            "AS": self.memory_mb * 2**20,
            "FSIZE": self.file_mb * 2**20,
            "NPROC": self.processes,
            "NOFILE": OPEN_FILES,
            "CORE": 0,
        }


@dataclass(frozen=True)
class Ran:
    """How a piece of code ended.

    Args:
        exit_code: 0 if well; None if it was refused or stopped.
        output: what it wrote to stdout and stderr, without secrets as they were swapped in.
        refused: why it was not run; empty if it was.
        timed_out: whether it was stopped after `wall_s`.
        network_cut: whether it had no network.
    """

    exit_code: int | None
    output: str = ""
    refused: str = ""
    timed_out: bool = False
    network_cut: bool = False

    @property
    def well(self) -> bool:
        """Whether it ran to its end with exit code 0."""
        return self.exit_code == 0


class CodeRunner:
    """Runs Python that a model wrote: in a process of its own, in a new empty folder, with an empty environment.

    These are limits, and no security boundary: the code reads and writes every file that this process may, and has the
    network where `Ran.network_cut` is False. Nothing makes such an object by itself; who does lets models run code as
    this user. Give the server a user, or a container, of its own.

    Args:
        limits: of each run.
        secrets: placeholder to value. Models know the placeholders; values are put in their place in the child's file
            alone, and taken out of its output again where they stand there as they are.
        network: leave the network on, as code that asks other services needs.
        at_once: runs at the same time; others wait.
        python: the interpreter; this one if None.

    Raises:
        ValueError: a secret could not stand in a string literal, or is shorter than 8 characters.
    """

    def __init__(
        self,
        limits: RunLimits = RunLimits(),
        secrets: Mapping[str, str] | None = None,
        *,
        network: bool = False,
        at_once: int = 2,
        python: str | None = None,
    ) -> None:
        self.limits, self._secrets = limits, dict(secrets or {})
        self._network, self._python = network, python or sys.executable
        self._slots = asyncio.Semaphore(at_once)
        self._isolation: Isolation | None = None
        for placeholder, value in self._secrets.items():
            if not placeholder.isidentifier() or len(value) < LEAST_SECRET or not _literal(value):
                raise ValueError(
                    f"secret {placeholder!r}: the placeholder must be an identifier, and its value at least "
                    f"{LEAST_SECRET} printable characters without quotes, backslashes or blanks"
                )

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What code may write where a secret belongs."""
        return tuple(self._secrets)

    async def run(self, code: str) -> Ran:
        """Run a piece of code to its end, or to its limits; whoever stops waiting stops it.

        Raises:
            OSError: no process can be started, or no folder made.
        """
        try:
            source = self._swapped(code).encode()
        except UnicodeEncodeError:
            return Ran(None, refused="it is no text")
        if len(source) > self.limits.code_bytes:
            return Ran(None, refused=f"it is longer than {self.limits.code_bytes} bytes")
        async with self._slots:
            if self._isolation is None:
                self._isolation = await asyncio.to_thread(isolation, self._network)
            folder = Path(tempfile.mkdtemp(prefix="anabranch-code-"))
            try:
                return await self._run_in(folder, source, self._isolation)
            finally:
                await asyncio.to_thread(_remove, folder)

    async def _run_in(self, folder: Path, source: bytes, isolated: Isolation) -> Ran:
        path = folder / "code.py"
        path.write_bytes(source)
        (folder / "work").mkdir()
        told, report = os.pipe()
        try:
            command = [self._python, "-I", limited_run.__file__, str(path), json.dumps(self.limits.resources)]
            exit_code = await self._ended([*isolated.prefix, *command, str(report)], folder, report)
            os.set_blocking(told, False)
            os.close(report)
            report = -1
            refused = self._hidden(_read(told), folder)
        finally:
            for descriptor in (told, report):
                if descriptor >= 0:
                    os.close(descriptor)
        if refused:
            return Ran(None, refused=refused, network_cut=isolated.network_cut)
        said = await asyncio.to_thread((folder / "output").read_bytes)
        output = cut(self._hidden(said.decode(errors="replace"), folder), self.limits.output_bytes)
        return Ran(exit_code, output, timed_out=exit_code is None, network_cut=isolated.network_cut)

    async def _ended(self, command: list[str], folder: Path, report: int) -> int | None:
        """The exit code of a command whose output goes to a file, so that nobody waits for the end of a pipe."""
        with (folder / "output").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder / "work",
                env=ENVIRONMENT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(report,),
            )
        try:
            async with asyncio.timeout(self.limits.wall_s):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            # its group has its number, and is there as long as one of its processes is
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _swapped(self, code: str) -> str:
        for placeholder in sorted(self._secrets, key=len, reverse=True):
            code = code.replace(placeholder, self._secrets[placeholder])
        return code

    def _hidden(self, text: str, folder: Path) -> str:
        """The text without secrets, and without the folder's name, which is another one each time."""
        for placeholder, value in self._secrets.items():
            text = text.replace(value, placeholder)
        return text.replace(f"{folder}{os.sep}", "")


def cut(text: str, most_bytes: int) -> str:
    """The beginning and the end of a text, which has the error; all of it if it is short enough.

    >>> cut("0123456789", 4)
    '01\\n[6 bytes cut]\\n89'
    """
    raw = text.encode(errors="replace")
    if len(raw) <= most_bytes:
        return text
    head, tail = raw[: most_bytes // 2], raw[len(raw) - (most_bytes - most_bytes // 2) :]
    left = len(raw) - most_bytes
    return f"{head.decode(errors='ignore')}\n[{left} bytes cut]\n{tail.decode(errors='ignore')}"


def _read(descriptor: int) -> str:
    with suppress(BlockingIOError):
        return os.read(descriptor, 4096).decode(errors="replace")
    return ""


def _remove(folder: Path) -> None:
    # folders deeper than the interpreter's stack stay behind
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)


def _literal(value: str) -> bool:
    return value.isascii() and value.isprintable() and not set(value) & set("\"'\\ ")
