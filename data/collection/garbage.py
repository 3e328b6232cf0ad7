"""Python's cyclic garbage collector, kept from holding the event loop up."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (20_000, 20, 50)  # allocations until young objects are searched, and the same for the two older generations


@contextmanager
def set_aside() -> Iterator[None]:
    """Search for garbage less often inside the block, and never in what there was before it.

    A search through all that is to be asked and all that is in flight stops the event loop for a good part of a
    second, and answers that arrive meanwhile wait for one another from then on.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
