"""Rows in a batch predict what the model predicts for each alone, from a full forward without a cache."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    FalconConfig,
    FalconForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
)

from anabranch.upstreams.local.batch import Batch, LoneBatch, PaddedBatch, batch_for
from anabranch.upstreams.local.cache import swap_out
from anabranch.upstreams.local.forward import Forward
from tests.upstreams.local import tiny

PROMPTS = [[5, 6, 7], [9], [100, 3, 20, 77, 1, 13, 200], [42, 42]]


def bloom() -> PreTrainedModel:
    return BloomForCausalLM(BloomConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, n_layer=2, n_head=4))


def mamba() -> PreTrainedModel:
    return MambaForCausalLM(MambaConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, num_hidden_layers=2))


def falcon() -> PreTrainedModel:
    """Its positions are biases that it makes of the mask, which must have two dimensions."""
    return FalconForCausalLM(
        FalconConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=True)
    )


@pytest.fixture(params=[tiny.llama, tiny.qwen2, tiny.gpt2], ids=["llama", "qwen2", "gpt2"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    build: Callable[[], PreTrainedModel] = request.param
    return tiny.made(build)


def expected(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> Tensor:
    """Log-probabilities after each row, (rows, vocabulary)."""
    return torch.stack([tiny.logprobs(model, row)[-1] for row in rows])


def joined(batch: Batch, prompts: Sequence[Sequence[int]], columns: int = 100) -> Tensor:
    """Log-probabilities after the prompts, which have joined."""
    prefill = batch.prefill(prompts)
    while prefill.done < prefill.ids.shape[1]:
        logits = prefill.advance(columns, every=False)
    batch.join(prefill, ())
    return logits.log_softmax(dim=-1)


@torch.inference_mode()
def test_rows_that_come_and_go_predict_what_they_would_alone(model: PreTrainedModel) -> None:
    batch = PaddedBatch(Forward(model), 8)
    rows = [list(prompt) for prompt in PROMPTS]
    torch.testing.assert_close(joined(batch, rows), expected(model, rows), atol=1e-4, rtol=0)
    generator = torch.Generator().manual_seed(0)
    for turn in range(60):
        tokens = torch.randint(tiny.VOCABULARY, (len(rows),), generator=generator).tolist()
        rows = [[*row, token] for row, token in zip(rows, tokens, strict=True)]
        logprobs = batch.step(tokens).log_softmax(dim=-1)
        if turn % 10 == 9:
            torch.testing.assert_close(logprobs, expected(model, rows), atol=1e-4, rtol=0)
        if turn in (3, 17, 40):
            gone = [0, 2] if turn == 3 else [len(rows) - 1]
            batch.drop(gone)
            swap_out(rows, gone)
        if turn in (10, 30):
            new = [[1] * (turn - 5), [2, 3]]
            torch.testing.assert_close(joined(batch, new), expected(model, new), atol=1e-4, rtol=0)
            rows += new


@torch.inference_mode()
def test_a_prompt_may_be_read_in_parts(model: PreTrainedModel) -> None:
    prompt = [(7 * i) % 256 for i in range(50)]
    batch = PaddedBatch(Forward(model), 8)
    torch.testing.assert_close(joined(batch, [prompt], columns=16), expected(model, [prompt]), atol=1e-4, rtol=0)
    following = batch.step([3]).log_softmax(dim=-1)
    torch.testing.assert_close(following, expected(model, [[*prompt, 3]]), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_logits_of_every_column(model: PreTrainedModel) -> None:
    prefill = PaddedBatch(Forward(model), 8).prefill(PROMPTS)
    logprobs = prefill.advance(100, every=True).log_softmax(dim=-1)
    for row, prompt in enumerate(PROMPTS):
        own = logprobs[row, -len(prompt) :]
        torch.testing.assert_close(own, tiny.logprobs(model, prompt), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_rows_that_are_over_do_not_join(model: PreTrainedModel) -> None:
    batch = PaddedBatch(Forward(model), 8)
    prefill = batch.prefill([[1, 2], [3], [4, 5, 6]])
    prefill.advance(100, every=False)
    batch.join(prefill, [0])
    following = batch.step([7, 8]).log_softmax(dim=-1)
    torch.testing.assert_close(following, expected(model, [[4, 5, 6, 7], [3, 8]]), atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("build", [tiny.sliding, bloom, mamba, falcon])
def test_a_model_that_cannot_be_padded_runs_alone(build: Callable[[], PreTrainedModel]) -> None:
    model = tiny.made(build)
    batch = batch_for(Forward(model), 8)
    assert isinstance(batch, LoneBatch)
    row = [(7 * i) % 256 for i in range(20)]
    torch.testing.assert_close(joined(batch, [row]), expected(model, [row]), atol=1e-4, rtol=0)
    for token in (3, 4, 5):
        row.append(token)
        torch.testing.assert_close(batch.step([token]).log_softmax(dim=-1), expected(model, [row]), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_a_model_that_can_is_padded(model: PreTrainedModel) -> None:
    assert isinstance(batch_for(Forward(model), 8), PaddedBatch)


@torch.inference_mode()
def test_a_model_that_ignores_its_positions_is_found_out() -> None:
    """GPT-2's are absolute: where a row begins would change what it predicts. Those of the others are relative."""
    model = tiny.made(tiny.gpt2)
    forward, original = Forward(model), model.forward

    def counting(*args: object, position_ids: object = None, **given: object) -> object:
        return original(*args, **given)

    model.forward = counting
    assert isinstance(batch_for(forward, 8), LoneBatch)


@torch.inference_mode()
def test_a_prompt_may_hold_the_padding_token(model: PreTrainedModel) -> None:
    """Nothing takes it for padding."""
    prompt = [256, 5, 256]
    batch = PaddedBatch(Forward(model), 8)
    torch.testing.assert_close(joined(batch, [prompt, [4]]), expected(model, [prompt, [4]]), atol=1e-4, rtol=0)
    batch.drop([1])
    following = batch.step([256]).log_softmax(dim=-1)
    torch.testing.assert_close(following, expected(model, [[*prompt, 256]]), atol=1e-4, rtol=0)
