"""From a folder of files to a model that is ready to run."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging
from transformers.utils.hub import cached_file

from anabranch.upstreams.blocking import Blocking
from anabranch.upstreams.local.batch import batch_for
from anabranch.upstreams.local.engine import Engine
from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.orders import Orders
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.server_token_model import ServerTokenModel
from anabranch.upstreams.local.vocabulary import Vocabulary
from anabranch.upstreams.server_member import ServerMember

SMALL = 50_000_000  # parameters
# while it loads, transformers changes torch's defaults for the whole process
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Loaded:
    """A model that is ready.

    Args:
        engine: runs it.
        orders: what its requests mean.
        vocabulary: its tokenizer.
        context_window: prompt and completion tokens together; None if its config does not say.
    """

    engine: Engine
    orders: Orders
    vocabulary: Vocabulary
    context_window: int | None


def load(
    name: str,
    folder: str | Path,
    *,
    device: str,
    dtype: str,
    max_batch: int,
    context_window: int | None,
    threads: int | None,
    prefill_tokens: int,
) -> Loaded:
    """Load a model and its tokenizer in the thread that will run it; see `LocalModel` for the arguments.

    Raises:
        ValueError: the folder holds no causal language model with all its weights in safetensors, or no tokenizer.
    """
    model, tokenizer = _files(f"local model {name!r}", folder, dtype)
    set_threads_for(model.num_parameters(), threads)
    model = model.to(_device(device)).eval()
    with torch.inference_mode():
        batch = batch_for(Forward(model), max_batch)
    window = context_window or getattr(model.config.get_text_config(), "max_position_embeddings", None)
    vocabulary = Vocabulary(tokenizer, len(model.get_input_embeddings().weight))
    orders = Orders(name, vocabulary, window, _ends(model, tokenizer.eos_token_id))
    return Loaded(Engine(name, batch, prefill_tokens), orders, vocabulary, window)


def load_rows(folder: str | Path, device: str, dtype: str) -> LiveRows:
    """Load a model and its tokenizer to be told how its texts go on.

    Args:
        folder: what `save_pretrained` writes.
        device: of torch, or "auto" for a GPU where there is one.
        dtype: of torch, or "auto" for the one that the weights are saved in.

    Raises:
        ValueError: the folder holds no causal language model with all its weights in safetensors, or no tokenizer; or
            the model cannot go back in a text; or what tokens write cannot be read from the tokenizer.
    """
    model, tokenizer = _files("model", folder, dtype)
    model = model.to(_device(device)).eval()
    size = len(model.get_output_embeddings().weight)
    return LiveRows(Forward(model), tokenizer, token_bytes(tokenizer, size, _ends(model, tokenizer.eos_token_id)))


def load_server(member: ServerMember, server: Blocking) -> ServerTokenModel:
    """What a model behind a server needs here to be told how its texts go on.

    Args:
        member: names it.
        server: asks its upstream.

    Raises:
        ValueError: what tokens write cannot be read from the tokenizer, or the server gives no log-probabilities.
    """
    with ONE_AT_A_TIME:
        tokenizer = load_tokenizer(member.tokenizer)
    size = max(tokenizer.get_vocab().values()) + 1
    vocabulary = token_bytes(tokenizer, size, _ends_stated(member.tokenizer, tokenizer.eos_token_id))
    return ServerTokenModel(
        server, member.model, tokenizer, vocabulary, top=member.top, window=member.window, by_id=member.by_id
    )


def set_threads_for(parameters: int, threads: int | None = None) -> None:
    """Let this thread alone use so many for its operations; if None as many as pay for a model of that size."""
    with ONE_AT_A_TIME:
        set_threads(threads or (1 if parameters < SMALL else torch.get_num_threads()))


def set_threads(threads: int) -> None:
    """Let the operations of this thread alone use so many; torch would give the number to later threads as well."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    restoring = threading.Thread(target=torch.set_num_threads, args=(before,))
    restoring.start()
    restoring.join()


def _files(what: str, folder: str | Path, dtype: str) -> tuple[Any, Any]:
    try:
        with ONE_AT_A_TIME:
            return _model(folder, dtype), load_tokenizer(folder)
    except Exception as error:  # files can be wrong in many ways
        raise ValueError(
            f"{what}: {folder} cannot be loaded: {error}; it must hold what save_pretrained writes for a "
            "causal language model and its tokenizer"
        ) from error


def _model(folder: str | Path, dtype: str) -> Any:
    model, info = _from_pretrained(folder, dtype=dtype, use_safetensors=True, output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing:  # transformers would fill them with random numbers
        raise ValueError(f"{len(missing)} weights are missing, {missing[0]} among them")
    return model


def _from_pretrained(folder: str | Path, **settings: Any) -> Any:
    shows_progress = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False, **settings)
    finally:
        if shows_progress:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def load_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of transformers in a folder, as its tokenizer.json says it."""
    # AutoTokenizer rebuilds tokenizers by the type of the model, and reads past what tokenizer.json says of them
    stated = cached_file(str(folder), "tokenizer.json", _raise_exceptions_for_missing_entries=False)
    kind = AutoTokenizer if stated is None else PreTrainedTokenizerFast
    return kind.from_pretrained(folder, trust_remote_code=False)


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def _ends(model: Any, of_tokenizer: Any) -> frozenset[int]:
    """Ids that end a text, by the generation settings and by the tokenizer, which differ for some chat models."""
    return _together(model.generation_config.eos_token_id if model.generation_config else None, of_tokenizer)


def _ends_stated(folder: Path, of_tokenizer: Any) -> frozenset[int]:
    """The same, of a folder without weights: as it states them, where it has the model's settings."""
    for name in ("generation_config.json", "config.json"):
        if (folder / name).is_file():
            return _together(json.loads((folder / name).read_text(encoding="utf-8")).get("eos_token_id"), of_tokenizer)
    return _together(None, of_tokenizer)


def _together(of_model: Any, of_tokenizer: Any) -> frozenset[int]:
    listed = of_model if isinstance(of_model, list) else [of_model]
    return frozenset(token for token in (*listed, of_tokenizer) if token is not None)
