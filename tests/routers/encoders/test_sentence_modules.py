from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from anabranch.routers.encoders.sentence_modules import Normalize, sentence_modules

OLD = "sentence_transformers.models."
MEAN = (OLD + "Pooling", {"pooling_mode": "mean"})
DENSE = {
    "in_features": 2,
    "out_features": 1,
    "bias": True,
    "activation_function": "torch.nn.modules.activation.ReLU",
}

AddModules = Callable[..., None]


def test_a_plain_transformer_is_mean_pooled_and_not_normalised(bert: Path) -> None:
    modules = sentence_modules(str(bert))
    assert (modules.pooling.modes, len(modules.head), modules.folder) == (("mean",), 0, "")


@pytest.mark.parametrize(
    ("config", "modes"),
    [
        ({"pooling_mode": "lasttoken"}, ("lasttoken",)),
        ({"pooling_mode": ["mean", "cls"]}, ("mean", "cls")),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ("cls", "mean")),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}, ("max",)),
        ({"pooling_mode_mean_tokens": False}, ("mean",)),
    ],
)
def test_pooling_is_read_from_newer_and_older_files(
    bert: Path, add_modules: AddModules, config: dict[str, object], modes: tuple[str, ...]
) -> None:
    add_modules((OLD + "Pooling", config))
    assert sentence_modules(str(bert)).pooling.modes == modes


def test_an_unknown_pooling_is_named(bert: Path, add_modules: AddModules) -> None:
    add_modules((OLD + "Pooling", {"pooling_mode_median": True}))
    with pytest.raises(ValueError, match=r"unknown pooling \['pooling_mode_median'\]; known poolings: cls"):
        sentence_modules(str(bert))


@pytest.mark.parametrize("kind", [OLD + "CNN", "modeling_mine.Pooling"])
def test_an_unknown_module_is_named(bert: Path, add_modules: AddModules, kind: str) -> None:
    add_modules(MEAN, (kind, {}))
    with pytest.raises(ValueError, match=f"has a module '{kind}'; known modules of sentence_transformers: Transformer"):
        sentence_modules(str(bert))


def test_modules_in_another_order_are_refused(bert: Path, add_modules: AddModules) -> None:
    add_modules((OLD + "Normalize", {}), MEAN)
    with pytest.raises(ValueError, match="is Transformer, Normalize, Pooling; it must be one Transformer, one Pooling"):
        sentence_modules(str(bert))


def test_dense_and_normalize_are_applied_in_order(bert: Path, add_modules: AddModules) -> None:
    """relu((3, -1) . (2, 1) + 1) = 6, then to length 1; relu((-3, 0) . (2, 1) + 1) = 0 stays 0."""
    add_modules(MEAN, (OLD + "Dense", DENSE), (OLD + "Normalize", {}))
    weights = {"linear.weight": torch.tensor([[2.0, 1.0]]), "linear.bias": torch.tensor([1.0])}
    save_file(weights, bert / "2_Dense" / "model.safetensors")
    head = sentence_modules(str(bert)).head
    pooled = torch.tensor([[3.0, -1.0], [-3.0, 0.0]])
    assert head[0](pooled).tolist() == [[6.0], [0.0]]
    assert head(pooled).tolist() == [[1.0], [0.0]]
    assert isinstance(head[1], Normalize)


def test_pickled_dense_weights_are_refused(bert: Path, add_modules: AddModules) -> None:
    add_modules(MEAN, (OLD + "Dense", DENSE))
    torch.save({"linear.weight": torch.ones(1, 2)}, bert / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"2_Dense has no model\.safetensors; pickled weights are never read"):
        sentence_modules(str(bert))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation_function": "my.Activation"}, "has activation 'my.Activation'"),
        ({"use_residual": True}, "use_residual True; known: no residual"),
        ({"module_input_name": "token_embeddings"}, "it must be 'sentence_embedding'"),
    ],
)
def test_unusual_dense_layers_are_refused(
    bert: Path, add_modules: AddModules, change: dict[str, object], message: str
) -> None:
    add_modules(MEAN, (OLD + "Dense", DENSE | change))
    with pytest.raises(ValueError, match=message):
        sentence_modules(str(bert))
