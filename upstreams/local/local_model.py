"""A causal language model of transformers on this machine, as an upstream."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.upstreams.local.model_folder import check_folder, is_on_hub, window_of
from anabranch.upstreams.local.threaded import ThreadedModel

if TYPE_CHECKING:  # torch is imported by the worker's thread, when the model is first needed
    from anabranch.upstreams.local.loading import Loaded

DTYPES = ("auto", "float32", "bfloat16", "float16")


class LocalModel(ThreadedModel):
    """A model in a folder, which answers many requests at once; usable from any event loop.

    Weights are loaded with the first call, or by `start`. Calls are served in the order they come, up to `max_batch`
    at once, each as if it were alone: in float32, a call's greedy tokens and its draws for a seed do not depend on the
    others; half precision rounds differently in batches of different sizes. A model whose cache is not one of plain
    keys and values (sliding windows, recurrent states), or which takes no positions, serves one call at a time.

    Without a temperature, tokens are chosen greedily, as at temperature 0. Without max_tokens a completion has at most
    256. Of the tokens that `usage` counts, the end-of-text token is one, and so are those that a stop string cut off. A
    chat answer that ends at once is an error, `EmptyAnswer`; a continuation of text may be empty.

    Args:
        name: for logs and errors, and a name of the model.
        folder: what `save_pretrained` wrote, weights in safetensors; or the id of a model on the Hugging Face hub.
        models: other names that requests may call the model.
        device: such as cpu or cuda:1; auto for a GPU if there is one.
        dtype: float32, bfloat16 or float16; auto for what the weights were saved as.
        max_batch: calls served at once.
        context_window: prompt and completion tokens together; None for what the model's config says.
        threads: of the operations on a CPU; None for 1 if the model has fewer than 50 million parameters, or else for
            what torch chooses.
        prefill_tokens: of prompts, that are read between two steps of the calls that are being served.

    Raises:
        ValueError: a folder that holds no model, or a setting that cannot work.
    """

    def __init__(
        self,
        name: str,
        folder: str | Path,
        *,
        models: Collection[str] = (),
        device: str = "auto",
        dtype: str = "float32",
        max_batch: int = 32,
        context_window: int | None = None,
        threads: int | None = None,
        prefill_tokens: int = 512,
    ) -> None:
        _check_settings(dtype, max_batch=max_batch, threads=threads, prefill_tokens=prefill_tokens)
        self._folder = folder
        window = _window(folder, context_window)
        load = partial(
            _load,
            name,
            folder,
            device=device,
            dtype=dtype,
            max_batch=max_batch,
            context_window=window,
            threads=threads,
            prefill_tokens=prefill_tokens,
        )
        super().__init__(name, load, models=models, window=window)

    def __repr__(self) -> str:
        return f"LocalModel({self._name!r}, {str(self._folder)!r})"


def _check_settings(dtype: str, **at_least_one: int | None) -> None:
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; it must be one of {', '.join(DTYPES)}")
    for setting, value in at_least_one.items():
        if value is not None and value < 1:
            raise ValueError(f"{setting} is {value}; it must be at least 1")


def _window(folder: str | Path, wanted: int | None) -> int | None:
    """The context window: what is wanted, within what the model allows; None if that is not known yet."""
    if is_on_hub(folder):
        return wanted
    check_folder(folder)
    allowed = window_of(folder)
    if wanted is not None and not 1 <= wanted <= (allowed or wanted):
        raise ValueError(f"context_window is {wanted}; {folder} allows 1 to {allowed or 'any number'}")
    return wanted or allowed


def _load(name: str, folder: str | Path, **settings: object) -> "Loaded":
    try:
        from anabranch.upstreams.local.loading import load
    except ImportError as error:
        raise ValueError(
            f"local model {name!r} needs torch and transformers: pip install 'anabranch[train]'"
        ) from error
    return load(name, folder, **settings)  # type: ignore[arg-type]
