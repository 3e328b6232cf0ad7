"""Tiny RUN folders of every shape that export meets, and bundles made of them once a session."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from anabranch.data.labelset import LabelSet, write_labels
from anabranch.data.outcomes import UsageKind
from anabranch.export.export import export_run
from anabranch.export.manifest import Manifest
from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.recipe import recipe_of
from anabranch.routers.run import Run
from anabranch.routers.settings import CostingSettings, PolicySettings, Provenance, RouterSettings

ARMS = ("large", "medium", "small")
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
TRAIN, VALIDATION = 24, 8  # prompts
PRICES = {"input_usd": (3e-6, 2e-6, 1e-6), "output_usd": (9e-6, 6e-6, 3e-6), "tokens_per_char": (0.25, 0.25, 0.25)}


@dataclass(frozen=True)
class World:
    """A RUN, its label set, and the same router in memory."""

    run: Path
    labels: Path
    router: Run
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Exported:
    """A world and the bundle made of it."""

    world: World
    bundle: Path


def provenance() -> Provenance:
    return Provenance(
        seed=0,
        prompts={"train": TRAIN, "validation": VALIDATION},
        data_sha256={"labels": "ab" * 32},
        splits_sha256="cd" * 32,
        label_cost_usd=1.5,
        versions={"torch": "2"},
        created="2026-01-01T00:00:00+00:00",
    )


def router_settings(recipe: str = "ridge", **changes: Any) -> RouterSettings:
    """Settings of a router over `ARMS` that costs recorded USD; `changes` replace fields."""
    fields: dict[str, Any] = {
        "recipe": recipe,
        "recipe_settings": {},
        "arms": ARMS,
        "encoder": "hashing",
        "encoder_options": {},
        "encoder_fingerprint": "ef" * 32,
        "encoder_trained": False,
        "width": 32,
        "routing_text_version": "1",
        "quality_kind": "calibrated",
        "reads_tradeoff": False,
        "costing": CostingSettings.model_validate({"usage_kind": "cost_usd"}),
        "policy": PolicySettings(name="argmax-utility", settings={"scale_usd": 0.02}, tradeoff=0.75, target="budget"),
    }
    return RouterSettings(**fields | changes)


def make_world(
    folder: Path,
    recipe: str,
    settings: Mapping[str, Any] | None = None,
    *,
    encoder: str = "hashing",
    options: Mapping[str, Any] | None = None,
    usage: UsageKind = "cost_usd",
) -> World:
    """A router trained on random outcomes of random number words, saved as training saves it."""
    rng = np.random.default_rng(7)
    texts = tuple(" ".join(rng.choice(NUMBERS, rng.integers(3, 9))) for _ in range(TRAIN + VALIDATION))
    quality = rng.integers(0, 2, (len(texts), len(ARMS))).astype(np.float32)
    amount = rng.uniform(0.01, 0.03, quality.shape) if usage == "cost_usd" else rng.integers(9, 99, quality.shape)
    text_encoder = load_encoder(encoder, **(options or {})).eval()
    estimator = recipe_of(recipe, settings).build(text_encoder.width, len(ARMS))
    table = torch.from_numpy(quality[:TRAIN])
    paid = torch.from_numpy(amount[:TRAIN].astype(np.float32))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        estimator.observe(
            Batch(
                torch.arange(TRAIN),
                torch.zeros(TRAIN, dtype=torch.int64),
                torch.from_numpy(embed(text_encoder, texts[:TRAIN])),
                table,
                torch.full_like(paid, torch.nan) if usage == "unknown" else paid,
                table.unsqueeze(2),
                torch.zeros(TRAIN, 0, 0),
            )
        )
        estimator.finalise()
    tokens_priced = usage == "completion_tokens"
    parts = router_settings(
        recipe,
        recipe_settings=dict(settings or {}),
        encoder=encoder,
        encoder_options=dict(options or {}),
        encoder_fingerprint=text_encoder.fingerprint,
        width=text_encoder.width,
        quality_kind=estimator.quality_kind,
        reads_tradeoff=estimator.reads_tradeoff,
        costing=CostingSettings.model_validate({"usage_kind": usage, **(PRICES if tokens_priced else {})}),
    )
    router = Run(parts, provenance(), text_encoder, estimator.eval())
    router.save(folder / "run")
    ids = [f"p{number}" for number in range(len(texts))]
    splits = {"train": ids[:TRAIN], "validation": ids[TRAIN:], "test": []}
    (folder / "run" / "splits.json").write_text(json.dumps(splits))
    (folder / "run" / "metrics.json").write_text(json.dumps({"validation_aiq": 0.625}))
    _save_labels(folder / "labels", ids, texts, quality, amount)
    return World(folder / "run", folder / "labels", router, texts)


def _save_labels(folder: Path, ids: list[str], texts: tuple[str, ...], quality: Any, amount: Any) -> None:
    prompts = pa.table({"prompt_id": ids, "prompt": list(texts)})
    labels = pa.table(
        {
            "prompt_id": np.repeat(ids, len(ARMS)),
            "model": np.tile(ARMS, len(ids)),
            "quality": quality.ravel(),
            "cost_usd": amount.ravel().astype(np.float64),
        }
    )
    write_labels(LabelSet(prompts, labels), folder)


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., World]:
    """Makes a world: recipe, its settings, encoder, its options, usage."""

    def world(recipe: str, settings: Mapping[str, Any] | None = None, **parts: Any) -> World:
        options = {"width": 32} if parts.get("encoder", "hashing") == "hashing" else {}
        return make_world(tmp_path_factory.mktemp("world"), recipe, settings, **{"options": options} | parts)

    return world


@pytest.fixture(scope="session")
def knn(worlds: Callable[..., World]) -> Exported:
    """kNN on hashed n-grams, costs in USD."""
    return _exported(worlds("knn"))


@pytest.fixture(scope="session")
def ridge(worlds: Callable[..., World]) -> Exported:
    """Ridge regression, costs from completion tokens."""
    return _exported(worlds("ridge", usage="completion_tokens"))


@pytest.fixture(scope="session")
def mlp(worlds: Callable[..., World]) -> Exported:
    """A perceptron that knows no usage."""
    return _exported(worlds("mlp", {"hidden": 16}, usage="unknown"))


@pytest.fixture(scope="session")
def conditioned(worlds: Callable[..., World]) -> Exported:
    """A router whose estimates depend on the trade-off."""
    return _exported(worlds("rm-softmax", {"hidden": 16}))


def _exported(world: World) -> Exported:
    return Exported(world, export_run(world.run, world.run.parent / "bundle"))


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of width 32 with 64 positions and random weights, which reads the number words."""
    folder = tmp_path_factory.mktemp("bert")
    config = BertConfig(
        vocab_size=4 + len(NUMBERS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(specials + NUMBERS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def manifest() -> Manifest:
    """A manifest without files."""
    return Manifest(
        router=router_settings(),
        provenance=provenance(),
        precision="fp32",
        tokens={"max_tokens": 16, "head_share": 0.25, "pad_id": 0, "prefix": ""},
        metrics={"training": {"aiq": 0.5}},
        contains_user_prompts=False,
        user_prompts="",
        onnxruntime_min="1.20",
    )
