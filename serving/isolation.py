"""Namespaces for a child process, where the system lets us have them."""

import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

CUT = "--net"

# of its own user's namespace, so that root is not root in it, and limits stay hard; /proc shows its own processes alone
# where the system lets us mount it; the last form is for a root who may not have such a namespace
FORMS: tuple[tuple[str, ...], ...] = (
    ("--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"),
    ("--map-root-user", "--pid", "--fork", "--kill-child"),
    ("--pid", "--fork", "--kill-child"),
)


class Isolation(NamedTuple):
    """What goes in front of a command.

    Args:
        prefix: words; none where nothing works.
        network_cut: whether the command has no network.
    """

    prefix: tuple[str, ...] = ()
    network_cut: bool = False


def isolation(network: bool = False) -> Isolation:
    """The best form of `unshare` that works here; it takes a moment to try.

    In its own process namespace nothing that a command starts outlives it.

    Args:
        network: leave the network as it is.
    """
    unshare = shutil.which("unshare")
    for form in FORMS if unshare is not None else ():
        prefix = (str(unshare), *form, *(() if network else (CUT,)))
        if _works([*prefix, "true"]):
            return Isolation(prefix, not network)
    return Isolation()


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
