"""Every registry row, trained once a session on the world of its assumption."""

from collections.abc import Iterator

import pytest
import torch

from tests.contract.rows import ROWS, WORLDS, Learnt, learn


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors are faster on one thread, and sums come out the same on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", params=ROWS)
def learnt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    """A row after training on 2,000 prompts."""
    row: str = request.param
    return learn(row, WORLDS[row](seed=0), tmp_path_factory.mktemp(row))
