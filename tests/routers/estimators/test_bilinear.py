from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from anabranch.export.graph import export_head
from anabranch.routers.estimators.bilinear import Bilinear
from anabranch.routers.estimators.embedllm import EmbedLLM

kinds = pytest.mark.parametrize(("constants", "unit"), [(False, True), (True, False), (True, True), (False, False)])


def bilinear(seed: int, constants: bool, unit: bool, *, width: int = 5, arms: int = 3, factors: int = 7) -> Bilinear:
    """A map with every weight drawn, in float64."""
    draws = torch.Generator().manual_seed(seed)
    made = Bilinear(width, arms, factors, constants=constants, unit=unit, draws=draws).double()
    for weight in made.parameters():
        nn.init.normal_(weight, generator=draws)
    return made


def unfolded(made: Bilinear, embedding: Tensor) -> Tensor:
    """w . (v_m * (W e + b)) + c, prompt by prompt and arm by arm."""
    b = 0.0 if made.project.bias is None else made.project.bias
    c = 0.0 if made.mix.bias is None else made.mix.bias[0]
    scores = torch.zeros(len(embedding), len(made.arm), dtype=embedding.dtype)
    for row, e in enumerate(embedding):
        for arm, v in enumerate(made.arm):
            direction = v / v.norm() if made.unit else v
            scores[row, arm] = made.mix.weight[0] @ (direction * (made.project.weight @ e + b)) + c
    return scores


@kinds
@given(seed=st.integers(0, 2**32))
def test_the_fold_is_the_formula(constants: bool, unit: bool, seed: int) -> None:
    made = bilinear(seed, constants, unit)
    embedding = torch.randn(4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(made(embedding), unfolded(made, embedding), rtol=1e-10, atol=1e-10)


def test_a_score_by_hand() -> None:
    """W = I, w = (1, 1), v = (3, 4) and (2, 0), which are (0.6, 0.8) and (1, 0); e = (1, 2): 0.6 + 1.6 and 1."""
    made = Bilinear(2, 2, 2, constants=False, unit=True, draws=torch.Generator())
    with torch.no_grad():
        made.arm.copy_(torch.tensor([[3.0, 4.0], [2.0, 0.0]]))
        made.project.weight.copy_(torch.eye(2))
        made.mix.weight.fill_(1.0)
    assert made(torch.tensor([[1.0, 2.0]]))[0].tolist() == pytest.approx([2.2, 1.0])


def test_gradients_reach_every_weight_through_the_fold() -> None:
    """They are those of the formula."""
    made = bilinear(0, constants=True, unit=True)
    embedding = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = list(made.parameters())
    found = torch.autograd.grad(made(embedding).square().sum(), weights)
    expected = torch.autograd.grad(unfolded(made, embedding).square().sum(), weights)
    assert len(weights) == 5
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_served_graph_holds_the_affine_map_alone(tmp_path: Path) -> None:
    """The exporter leaves large products to the session, which multiplies them out once, as it loads."""
    graph = export_head(EmbedLLM(384, 11, factors=232)).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph, options)
    served = onnx.load(tmp_path / "optimised.onnx")
    sizes = {size for weight in served.graph.initializer for size in weight.dims}
    assert 384 in sizes and 232 not in sizes
