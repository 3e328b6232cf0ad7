from pathlib import Path

import pytest
from transformers import PreTrainedModel

from tests.upstreams.local import tiny


@pytest.fixture(scope="session")
def llama() -> PreTrainedModel:
    return tiny.made(tiny.llama)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, llama: PreTrainedModel) -> Path:
    """The Llama, saved with a tokenizer that has a chat template."""
    return tiny.saved(tmp_path_factory.mktemp("llama"), llama)
