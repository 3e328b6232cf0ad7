"""Prices: what tokens cost, from a table in LiteLLM's format."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

INPUT = "input_cost_per_token"
OUTPUT = "output_cost_per_token"
CACHE_READ = "cache_read_input_token_cost"
CACHE_WRITE = "cache_creation_input_token_cost"
REASONING = "output_cost_per_reasoning_token"

_KINDS = (INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, REASONING)
_TIER = re.compile(r"_above_(\d+)k_tokens$")
_ADVICE = "add it to the price file (LiteLLM's model_prices_and_context_window.json format)"


class UnknownPriceError(KeyError):
    """A model or one of its prices is not in the table; nothing is ever priced at 0 instead."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, eq=False)
class PriceTable:
    """USD per token of many models.

    Args:
        entries: the prices of each model, by LiteLLM's keys, USD a token.
        providers: the provider of each model that names one.
        date: day on which the prices held, YYYY-MM-DD.
        sha256: of the file they come from.

    >>> table = PriceTable({"m": {INPUT: 1e-6, OUTPUT: 4e-6}}, {}, "2026-01-31", "")
    >>> table.usd("m", [1000, 2000], 250).round(6).tolist()
    [0.002, 0.003]
    """

    entries: Mapping[str, Mapping[str, float]]
    providers: Mapping[str, str]
    date: str
    sha256: str

    def resolve(self, model: str) -> str:
        """The name under which a model stands in the table.

        The exact name wins; then `provider/name` is the plain name, unless the table says that another
        provider asks that price; then a plain name is the one entry that ends with it.

        Raises:
            UnknownPriceError: no entry fits, or several do.

        >>> PriceTable({"m": {}, "azure/gpt": {}}, {"m": "openai"}, "", "").resolve("openai/m")
        'm'
        """
        if model in self.entries:
            return model
        provider, _, plain = model.partition("/")
        if plain in self.entries and self.providers.get(plain, provider) == provider:
            return plain
        endings = [name for name in self.entries if name.endswith(f"/{model}")]
        if len(endings) > 1:
            raise UnknownPriceError(f"price of {model!r} is ambiguous: {sorted(endings)[:5]}; use one of them")
        return endings[0] if endings else self._refuse(model)

    def per_token(self, model: str) -> tuple[float, float]:
        """USD per prompt token and per completion token, below every tier and outside caches and batches.

        Raises:
            UnknownPriceError: the model, or one of the two prices, is not in the table.
        """
        name = self.resolve(model)
        return self._price(name, INPUT), self._price(name, OUTPUT)

    def usd(
        self,
        model: str,
        prompt_tokens: ArrayLike,
        completion_tokens: ArrayLike,
        *,
        cached_tokens: ArrayLike = 0,
        cache_write_tokens: ArrayLike = 0,
        reasoning_tokens: ArrayLike = 0,
        batch: bool = False,
    ) -> Floats:
        """USD of each request, float64; token counts broadcast, and an unknown (NaN) count costs NaN.

        A prompt longer than a tier (`*_above_200k_tokens`) puts all tokens of the request in that tier.
        Cached, cache-write and reasoning tokens without a price of their own cost what input or output does.

        Args:
            model: a name that `resolve` knows.
            prompt_tokens: all prompt tokens.
            completion_tokens: all completion tokens.
            cached_tokens: those of the prompt that were read from a cache.
            cache_write_tokens: those of the prompt that were written to one.
            reasoning_tokens: those of the completion that were reasoning.
            batch: whether the batch prices (`*_batches`) hold.

        Raises:
            UnknownPriceError: the model, its input or output price, or its batch price is not in the table.
            ValueError: a count is negative, or a part exceeds its whole.
        """
        name = self.resolve(model)
        counts = (prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens)
        prompt, completion, cached, written, reasoning = np.broadcast_arrays(
            *(np.asarray(count, np.float64) for count in counts)
        )
        parts = (prompt - cached - written, cached, written, completion - reasoning, reasoning)
        if any((part < 0).any() for part in parts):
            raise ValueError(
                "token counts must be at least 0, cached and cache_write tokens no more than prompt_tokens, "
                "and reasoning tokens no more than completion_tokens"
            )
        cost = self._flat(name, parts, "", batch)
        for threshold, tier in self._tiers(name):
            above = prompt > threshold
            if above.any():
                cost = np.where(above, self._flat(name, parts, tier, batch), cost)
        return cost

    def _flat(self, name: str, parts: Sequence[Floats], tier: str, batch: bool) -> Floats:
        fresh, cached, written, spoken, reasoning = parts
        per_input, per_output = (self._price(name, key, tier, batch) for key in (INPUT, OUTPUT))
        return np.asarray(
            fresh * per_input
            + cached * self._price(name, CACHE_READ, tier, batch, per_input)
            + written * self._price(name, CACHE_WRITE, tier, batch, per_input)
            + spoken * per_output
            + reasoning * self._price(name, REASONING, tier, batch, per_output)
        )

    def _tiers(self, name: str) -> list[tuple[int, str]]:
        """Each tier's threshold in tokens and the ending of its keys, ascending."""
        found = {match for key in self.entries[name] if (match := _TIER.search(key))}
        return sorted({(1000 * int(match[1]), match[0]) for match in found})

    def _price(self, name: str, key: str, tier: str = "", batch: bool = False, otherwise: float | None = None) -> float:
        entry = self.entries[name]
        standard = key + tier if key + tier in entry else key
        wanted = f"{standard}_batches" if batch else standard
        if wanted in entry:
            return entry[wanted]
        if otherwise is None:
            raise UnknownPriceError(f"model {name!r} has no {wanted!r} in the prices of {self.date}; {_ADVICE}")
        return entry.get(standard, otherwise)

    def _refuse(self, model: str) -> NoReturn:
        close = difflib.get_close_matches(model, self.entries, n=3) or "none"
        raise UnknownPriceError(
            f"no price for model {model!r} among {len(self.entries)} of {self.date}; close: {close}; {_ADVICE}"
        )


def read_prices(path: Path, *, date: str | None = None) -> PriceTable:
    """The prices in a file of LiteLLM's format (`model_prices_and_context_window.json`).

    Args:
        path: the JSON file: model name -> `input_cost_per_token`, `output_cost_per_token` and others, USD.
        date: day on which the prices held, YYYY-MM-DD; the file's own date (UTC) when not given.

    Raises:
        ValueError: the file is not of that format, or a price is not a number of at least 0.
    """
    content = path.read_bytes()
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    try:
        models = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(models, dict) or not all(isinstance(entry, dict) for entry in models.values()):
        raise ValueError(f"{path} must map each model name to its prices, as LiteLLM's price file does")
    models.pop("sample_spec", None)  # LiteLLM's own explanation of the fields
    return PriceTable(
        entries={name: _prices(name, entry) for name, entry in models.items()},
        providers={name: entry["litellm_provider"] for name, entry in models.items() if "litellm_provider" in entry},
        date=date or day,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _prices(model: str, entry: Mapping[str, Any]) -> dict[str, float]:
    prices = {key: value for key, value in entry.items() if key.startswith(_KINDS) and value is not None}
    for key, value in prices.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{key} of model {model!r} is {value!r}; it must be USD a token, at least 0")
    return {key: float(value) for key, value in prices.items()}
