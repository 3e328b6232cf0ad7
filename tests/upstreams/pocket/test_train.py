from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from anabranch.upstreams.pocket import train
from anabranch.upstreams.pocket.lessons import batch_of, corpus
from anabranch.upstreams.pocket.members import MEMBERS, POSITIONS
from anabranch.upstreams.pocket.muon import Muon, orthogonal
from anabranch.upstreams.pocket.vocabularies import learn

WREN = replace(MEMBERS["pocket-wren"], steps=3)


def test_a_batch_weighs_prompts_a_tenth_and_padding_nothing() -> None:
    ids, weights = batch_of([([5, 6], [7, 4]), ([8], [4])])
    assert ids.tolist() == [[5, 6, 7, 4], [8, 4, 0, 0]]
    assert weights.tolist() == torch.tensor([[0.1, 0.1, 1, 1], [0.1, 1, 0, 0]]).tolist()


def test_the_loss_of_a_model_that_knows_nothing_is_the_log_of_the_vocabulary() -> None:
    """Equal logits give every one of 8 tokens 1/8: cross-entropy ln 8, whatever the weights."""

    class Equal(nn.Module):
        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> object:
            return type("Output", (), {"logits": torch.zeros(*input_ids.shape, 8)})

    ids, weights = batch_of([([5, 6], [7, 4]), ([3], [4])])
    assert float(train.loss_of(Equal(), ids, weights)) == pytest.approx(torch.tensor(8.0).log().item())


@pytest.mark.parametrize("shape", [(6, 6), (4, 12), (12, 4)])
def test_orthogonal_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.5 and values.max() < 1.3


def test_a_step_moves_a_matrix_by_its_rate_in_the_root_mean_square() -> None:
    """The update is 0.2 sqrt(n) times a nearly orthogonal matrix, whose entries are about 1/sqrt(n) each."""
    matrix = nn.Parameter(torch.zeros(16, 16))
    matrix.grad = torch.randn(16, 16, generator=torch.Generator().manual_seed(0))
    Muon([matrix], lr=0.1).step()
    assert 0.2 * 0.1 * 0.6 < matrix.detach().square().mean().sqrt() < 0.2 * 0.1 * 1.3


def test_a_seed_gives_the_same_weights() -> None:
    tokenizer = learn("letters", ())
    first, second = (train.teach(WREN, tokenizer, seed=1).state_dict() for _ in range(2))
    other = train.teach(WREN, tokenizer, seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(MEMBERS))
def test_what_is_written_can_be_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEMBERS, name, replace(MEMBERS[name], steps=1))
    train.build(name, tmp_path, seed=0)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / name)
    # AutoTokenizer would make one of the model's type, whatever tokenizer.json says
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / name)
    chat = [{"role": "user", "content": "1 + 1?"}]
    asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert asked == "<|user|>1 + 1?<|end|><|assistant|>"
    assert tokenizer.decode(tokenizer(asked)["input_ids"]) == asked
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.max_position_embeddings == POSITIONS


def test_vocabularies_of_a_seed_are_the_same() -> None:
    first, second = (learn("pieces", corpus(seed=0)).to_str() for _ in range(2))
    assert first == second
