"""Time as benchmarks count it."""

import time
from collections.abc import Callable


def best_ms(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds of processor time, the best of several after one to warm up."""
    call()
    return 1000 * min(spent_s(call) for _ in range(repeats))


def spent_s(call: Callable[[], object]) -> float:
    """Seconds of processor time, all threads together."""
    start = time.process_time()
    call()
    return time.process_time() - start
