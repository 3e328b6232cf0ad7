"""Folders that hold no model, and what is taken from those that do."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedModel

from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.local.errors import NotLoaded
from anabranch.upstreams.local.loading import Loaded, load, set_threads
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.local.model_folder import window_of
from anabranch.upstreams.pool import PoolError, open_upstream
from anabranch.upstreams.text_completion import TextRequest
from tests.upstreams.local import tiny


@pytest.fixture
def own(tmp_path: Path, llama: PreTrainedModel) -> Path:
    """A folder that a test may break."""
    return tiny.saved(tmp_path / "llama", llama)


def loaded(folder: Path, **settings: Any) -> Loaded:
    defaults: dict[str, Any] = {"device": "cpu", "dtype": "float32", "max_batch": 2, "context_window": None}
    return load("tiny", folder, **(defaults | {"threads": 1, "prefill_tokens": 16} | settings))


def start(folder: Path) -> None:
    async def main() -> None:
        local = LocalModel("tiny", folder)
        try:
            await local.start()
        finally:
            await local.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("missing", "says"),
    [("config.json", "holds no config.json"), ("model.safetensors", r"holds no \*.safetensors; pickled weights")],
)
def test_a_folder_without_a_model_is_refused_at_once(own: Path, missing: str, says: str) -> None:
    (own / missing).unlink()
    with pytest.raises(ValueError, match=says):
        LocalModel("tiny", own)


def test_no_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder; name one that save_pretrained wrote"):
        LocalModel("tiny", tmp_path / "nowhere")


def test_a_configuration_that_is_no_object_is_refused_at_once(own: Path) -> None:
    (own / "config.json").write_text("[1]")
    with pytest.raises(ValueError, match="is no JSON object"):
        LocalModel("tiny", own)


def test_a_model_on_the_hub_is_looked_for_when_it_is_needed() -> None:
    assert LocalModel("tiny", "owner/model").capabilities.context_window is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dtype": "int3"}, "dtype is 'int3'; it must be one of auto, float32"),
        ({"max_batch": 0}, "max_batch is 0; it must be at least 1"),
        ({"threads": 0}, "threads is 0"),
        ({"prefill_tokens": 0}, "prefill_tokens is 0"),
        ({"context_window": 257}, "context_window is 257; .* allows 1 to 256"),
        ({"context_window": 0}, "context_window is 0"),
    ],
)
def test_settings_that_cannot_work(folder: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LocalModel("tiny", folder, **settings)


def test_a_pool_opens_it(folder: Path, tmp_path: Path) -> None:
    upstream = open_upstream("here", {"kind": "local", "folder": folder, "max_batch": 4}, {})
    assert upstream.capabilities.context_window == tiny.WINDOW
    with pytest.raises(PoolError, match="is no folder"):
        open_upstream("here", {"kind": "local", "folder": tmp_path / "nowhere"}, {})


def test_weights_that_are_missing_are_not_made_up(own: Path) -> None:
    weights = load_file(own / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, own / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights are missing, model.layers.1.mlp.up_proj.weight among them"):
        start(own)


def test_a_broken_file_is_named_by_start_and_by_the_first_call(own: Path) -> None:
    (own / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=f"{own} cannot be loaded"):
        start(own)

    async def call_and_repair() -> str:
        local = LocalModel("tiny", own)
        calls = [local.complete_text(TextRequest("tiny", "x", 1)) for _ in range(2)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in errors] == [NotLoaded] * 2
        assert isinstance(errors[0], UpstreamError)
        tiny.saved(own, tiny.made(tiny.llama))
        try:
            return (await local.complete_text(TextRequest("tiny", "x", 1))).finish_reason
        finally:
            await local.close()

    assert asyncio.run(call_and_repair()) == "length"


def test_a_folder_without_a_tokenizer(own: Path) -> None:
    for path in own.glob("*token*"):
        path.unlink()
    with pytest.raises(ValueError, match="cannot be loaded"):
        start(own)


@pytest.mark.parametrize(("build", "window"), [(tiny.llama, 256), (tiny.gpt2, 256)])
def test_the_window_is_known_before_anything_is_loaded(build: Any, window: int, tmp_path: Path) -> None:
    assert window_of(tiny.saved(tmp_path, build())) == window


def test_the_window_of_a_model_with_a_text_part(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 99}}))
    assert window_of(tmp_path) == 99


def test_half_precision_is_scored_in_single(folder: Path) -> None:
    engine = loaded(folder, dtype="bfloat16").engine
    with torch.inference_mode():
        logits = engine._batch.prefill([[1, 2]]).advance(2, every=False)
    assert logits.dtype == torch.float32


def test_threads_are_set_for_one_thread_only() -> None:
    """A thread that sets one more changes neither this thread nor those that begin later."""
    before = torch.get_num_threads()
    counts: list[int] = []

    def worker() -> None:
        set_threads(before + 1)
        counts.append(torch.get_num_threads())

    for work in (worker, lambda: counts.append(torch.get_num_threads())):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert counts == [before + 1, before]


def test_the_tokenizer_is_what_tokenizer_json_says(tmp_path: Path) -> None:
    """AutoTokenizer would cut " b" by the rule of Qwen2's own tokenizer, and lose the blank that this one shows."""
    folder = tiny.saved(tmp_path / "qwen2", tiny.made(tiny.qwen2))
    stated = Tokenizer(models.BPE({"a": 0, "▁": 1, "b": 2}, []))
    stated.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    stated.decoder = decoders.Replace("▁", " ")
    stated.save(str(folder / "tokenizer.json"))
    vocabulary = loaded(folder).vocabulary
    assert vocabulary.read("a b") == ((0, 1, 2), ("a", " ", "b"))
    assert vocabulary.decode([0, 1, 2]) == "a b"
