from pathlib import Path

import pytest
from transformers import PreTrainedModel

from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows
from tests.upstreams.local import tiny
from tests.upstreams.local.live import NAMES, POCKET, made


@pytest.fixture(scope="session")
def llama() -> PreTrainedModel:
    return tiny.made(tiny.llama)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, llama: PreTrainedModel) -> Path:
    """The Llama, saved with a tokenizer that has a chat template."""
    return tiny.saved(tmp_path_factory.mktemp("llama"), llama)


@pytest.fixture
def rows(llama: PreTrainedModel) -> LiveRows:
    return made(llama)


@pytest.fixture(scope="module", params=NAMES)
def pocket(request: pytest.FixtureRequest) -> LiveRows:
    return load_rows(POCKET / request.param, "cpu", "float32")
