"""Room for one connection a slot: many systems let a process open only 1,024 files unless it asks for more."""

import resource

SPARE = 64


def allow_open_files(connections: int) -> None:
    """Raise this process's limit on open files where it is too low.

    Raises:
        ValueError: the system does not allow so many.
    """
    needed = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise ValueError(
            f"{connections} requests at once need {needed} open files, and the system allows {hard}; "
            "lower the concurrency, or raise the limit (ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
