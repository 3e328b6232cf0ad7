"""A causal language model of transformers as a function from token ids to logits."""

import inspect

from torch import Tensor, device
from transformers import PreTrainedModel
from transformers.cache_utils import Cache


class Forward:
    """One forward of a model, whatever its version of transformers calls the cache.

    Args:
        model: in evaluation mode.

    Raises:
        ValueError: the model keeps no cache that can be handed from one forward to the next.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        takes = inspect.signature(model.forward).parameters
        names = [name for name in ("cache", "past_key_values") if name in takes]
        if not names:
            raise ValueError(f"{type(model).__name__} takes no cache; choose a model that does")
        self._cache_name = names[0]
        self._takes_keep = "logits_to_keep" in takes
        # a mask of four dimensions is taken as it is; made from two, it would cost a wait for the device each step
        self.takes_whole_mask = model.config._attn_implementation == "sdpa"
        self.takes_positions = "position_ids" in takes
        self.model = model

    @property
    def device(self) -> device:
        """Where the weights are."""
        return self.model.device

    def __call__(
        self,
        ids: Tensor,
        cache: Cache | None,
        *,
        visible: Tensor | None = None,
        positions: Tensor | None = None,
        every: bool = False,
        keep: int | None = None,
    ) -> tuple[Tensor, Cache]:
        """Logits in float32 and the cache, which `ids` have been added to.

        Args:
            ids: int64 (rows, columns).
            cache: what the model has seen of each row; None for nothing yet.
            visible: which columns of cache and ids are a row's own, bool (rows, all columns); or, if the model takes
                a whole mask, (rows, 1, columns, all columns). None for all.
            positions: of each id in its row, int64 (rows, columns); None to count the columns.
            every: logits (rows, columns, vocabulary) of all ids rather than (rows, vocabulary) of the last.
            keep: logits (rows, keep, vocabulary) of so many ids at the end.
        """
        if visible is not None and visible.dim() == 2:
            visible = visible.long()
        given = {self._cache_name: cache, "attention_mask": visible, "position_ids": positions}
        output = self.model(
            input_ids=ids,
            use_cache=True,
            **{name: value for name, value in given.items() if value is not None},
            **({"logits_to_keep": keep or 1} if self._takes_keep and not every else {}),
        )
        logits: Tensor = output.logits.float()
        if keep is not None:
            logits = logits[:, -keep:]
        return logits if every or keep is not None else logits[:, -1], output[self._cache_name]
