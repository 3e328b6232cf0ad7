"""Causal language models of transformers in the middle of texts."""

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import DynamicCache, DynamicLayer

from anabranch.upstreams.local.cache import swap_out
from anabranch.upstreams.local.canonical import Canonical
from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_row import Draft, LiveRow
from anabranch.upstreams.local.pack import Branch, Pack
from anabranch.upstreams.local.placed_cache import PlacedCache
from anabranch.upstreams.local.token_bytes import TokenBytes
from anabranch.upstreams.local.token_model import Work
from anabranch.upstreams.local.vocabulary import Vocabulary


class LiveRows:
    """A `TokenModel`; for one thread at a time.

    Args:
        forward: the model.
        tokenizer: of transformers, backed by the tokenizers library.
        vocabulary: what its tokens write, as many as the model has logits.

    Raises:
        ValueError: the model cannot go back in a text, since it keeps something else than keys and values of every id,
            or does not take positions and masks as they are given; or it has more or fewer logits.
    """

    def __init__(self, forward: Forward, tokenizer: PreTrainedTokenizerBase, vocabulary: TokenBytes) -> None:
        self.vocabulary, self.work = vocabulary, Work()
        self.tokenizer = Vocabulary(tokenizer, len(vocabulary))
        self.parameters: int = forward.model.num_parameters()
        self.window: int | None = getattr(forward.model.config.get_text_config(), "max_position_embeddings", None)
        self._forward = forward
        self._encoder = Canonical(tokenizer.backend_tokenizer, vocabulary)
        nothing = [text is None and token not in vocabulary.ends for token, text in enumerate(vocabulary.written)]
        self._nothing = torch.tensor(nothing, device=forward.device)  # (V,)
        self._numbers = count()
        self._rows: dict[int, LiveRow] = {}
        self._placed: list[LiveRow] = []  # by their place in the cache
        self._layers = _layers(forward)
        self._cache = PlacedCache(self._layers, forward.device)
        self._check()
        self.work = Work()

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        """See `TokenModel`."""
        return [self._add(LiveRow.after(prompt, self._encoder, self._cache.add())) for prompt in prompts]

    def next(self, rows: Sequence[int]) -> Tensor:
        """See `TokenModel`."""
        asked = [self._rows[row] for row in rows]
        with torch.inference_mode():
            self._settle(asked)
        # outside, so that what is given out can be learnt from
        return torch.stack([said for live in asked if (said := self._said(live)) is not None])

    def heard(self, row: int, most: int) -> Tensor:
        """See `TokenModel`."""
        live = self._rows[row]
        begin = max(0, live.prompt - most)
        with torch.inference_mode():
            if live.same > begin:
                live.forget(begin)
            said = self._read([live], keep=len(live.ids) - begin)[0]
        return said[: live.prompt - begin].clone()

    def write(self, row: int, text: bytes) -> None:
        """See `TokenModel`."""
        self._rows[row].write(text)

    def ids(self, row: int) -> tuple[int, ...]:
        """See `TokenModel`."""
        return tuple(self._rows[row].text.ids)

    def score(self, row: int, texts: Sequence[bytes]) -> list[Tensor]:
        """See `TokenModel`.

        Where a text changes how the tokenizer writes the end of what is there already, the first of its tokens are
        those that this end is written with then.

        All texts go through the model in one row, side by side: each looks at what came before and at itself. So what
        came before is neither copied nor read again, short texts are not padded to the longest, and the one that is
        then written is in the cache already.
        """
        live = self._rows[row]
        branches = [Branch(*live.with_more(text)) for text in texts]
        with torch.inference_mode():
            self._said(live)
            scored = self._scored(live, branches)
        return [each.clone() for each in scored]

    def fork(self, row: int) -> int:
        """See `TokenModel`."""
        with torch.inference_mode():
            place = self._cache.add(like=self._rows[row].place)
        return self._add(self._rows[row].copy(place))

    def drop(self, rows: Sequence[int]) -> None:
        """See `TokenModel`."""
        with torch.inference_mode():
            for row in rows:
                place = self._rows.pop(row).place
                self._cache.drop(place)
                swap_out(self._placed, [place])
                if place < len(self._placed):
                    self._placed[place].place = place
        if not self._rows:  # with the last one goes the memory
            self._cache = PlacedCache(self._layers, self._forward.device)

    def _add(self, live: LiveRow) -> int:
        row = next(self._numbers)
        self._rows[row] = live
        self._placed.append(live)
        return row

    def _settle(self, rows: Sequence[LiveRow]) -> None:
        """Read what is pending of rows, if anything is."""
        unknown = [live for live in dict.fromkeys(rows) if self._said(live) is None]
        if unknown:
            self._read(unknown)

    def _said(self, live: LiveRow) -> Tensor | None:
        """What follows all of a row's ids, if it is known; a draft that was written takes its place first."""
        found = live.drafted()
        if found is not None:
            draft, read = found
            self._cache.move(live.place, draft.column, draft.base, read)
            live.forget(draft.base)
            live.note(draft.ids[:read], draft.after if read == len(draft.ids) else None)
        return live.said(len(live.ids))

    def _read(self, rows: Sequence[LiveRow], keep: int = 1) -> Tensor:
        """Read what is pending of rows; if nothing is, their last id again.

        Returns: what follows each of their last ids, of as many as are wanted, (rows, keep, V).
        """
        self._check_window(max(len(live.ids) for live in rows))
        rows = sorted(rows, key=lambda live: live.place)
        starts = [min(live.same, len(live.ids) - 1) for live in rows]
        new = [live.ids[start:] for live, start in zip(rows, starts, strict=True)]
        width = max(map(len, new))
        # a row with fewer new ids has others before them, which look at its first id, and are written beyond its end
        lead = [width - len(ids) for ids in new]
        ends = [len(live.ids) for live in rows]
        columns = [
            [*range(end, end + spare), *range(start, end)] for start, end, spare in zip(starts, ends, lead, strict=True)
        ]
        positions = self._tensor([[0] * spare + each[spare:] for spare, each in zip(lead, columns, strict=True)])
        ids = self._tensor([each[:1] * spare + each for spare, each in zip(lead, new, strict=True)])
        visible = None
        if not self._attends_so(starts, ends, width):
            visible = torch.arange(max(ends), device=ids.device) <= positions[..., None]  # (rows, new, columns)
        for live, start in zip(rows, starts, strict=True):
            live.forget(start)
        self._cache.aim([live.place for live in rows], columns, max(ends))
        said = self._run(ids, positions, visible, keep, sum(map(len, new)))
        last = said[:, -1] if keep == 1 else said[:, -1].clone()  # what is kept keeps no more than itself
        for live, each, after in zip(rows, new, last, strict=True):
            live.note(each, after)
        return said

    def _scored(self, live: LiveRow, branches: Sequence[Branch]) -> list[Tensor]:
        heads = [live.said(branch.base) if branch.ids else None for branch in branches]
        unsaid = [branch.base for branch, head in zip(branches, heads, strict=True) if branch.ids and head is None]
        if unsaid or any(len(branch.ids) > 1 for branch in branches):
            return self._read_branches(live, branches, heads, unsaid)
        return [self._picked(head, None, branch.ids) for branch, head in zip(branches, heads, strict=True)]

    def _read_branches(
        self, live: LiveRow, branches: Sequence[Branch], heads: Sequence[Tensor | None], unsaid: Sequence[int]
    ) -> list[Tensor]:
        """Log-probabilities of branches; what is pending goes through the model in the same forward.

        Args:
            live: the row.
            branches: of it.
            heads: what is known to follow what each branch begins after.
            unsaid: numbers of ids that branches begin after, and for which it is not known.
        """
        start = min([live.same, *(base - 1 for base in unsaid)])
        trunk = live.ids[start:]
        pack = Pack.of(start, trunk, branches)
        first = max(0, min([len(live.ids), *unsaid]) - 1 - start)  # in the pack, of the ids after which it is asked
        self._check_window(max(pack.positions) + 1)
        live.forget(start)
        self._cache.aim([live.place], [range(start, pack.end)], pack.end)
        visible = pack.visible(self._forward.device)[None]
        keep = len(pack.ids) - first
        said = self._run(self._tensor([pack.ids]), self._tensor([pack.positions]), visible, keep, len(pack.ids))[0]
        live.note(trunk, said[len(trunk) - 1 - first].clone() if trunk else None)
        scored = []
        for (base, ids), head, begin in zip(branches, heads, pack.begins, strict=True):
            inner = said[begin - first :][: len(ids)]  # after each of its ids
            if ids and head is None:
                head = said[base - 1 - start - first]
            scored.append(self._picked(head, inner, ids))
            if ids:
                live.drafts.append(Draft(base, ids, start + begin, inner[-1].clone()))
        return scored

    def _picked(self, head: Tensor | None, inner: Tensor | None, ids: Sequence[int]) -> Tensor:
        """What was said of each of some ids, (n,).

        Args:
            head: before the first, (V,); None if there are no ids.
            inner: after each, (n, V); None if there is one at the most.
            ids: n.
        """
        chosen = torch.tensor(ids, dtype=torch.int64, device=self._forward.device)
        if head is None:
            return torch.zeros_like(chosen, dtype=torch.float32)
        if inner is None:
            return head[chosen]
        return torch.cat([head[chosen[:1]], inner[:-1].gather(1, chosen[1:, None])[:, 0]])

    def _run(self, ids: Tensor, positions: Tensor, visible: Tensor | None, keep: int, tokens: int) -> Tensor:
        """One forward where the cache is aimed at: log-probabilities float32 (rows, keep, V).

        Args:
            ids: int64 (rows, new).
            positions: of each id in its row, int64 (rows, new).
            visible: bool (rows, new, columns); None for all columns.
            keep: how many ids at the end are asked for.
            tokens: ids that count.
        """
        mask = None if visible is None else self._mask(visible[:, None])  # (rows, heads, new, columns)
        logits, _ = self._forward(ids, self._cache, visible=mask, positions=positions, keep=keep)
        self.work.forwards += 1
        self.work.tokens += tokens
        return logits.masked_fill_(self._nothing, -torch.inf).log_softmax(dim=-1)

    def _attends_so(self, starts: Sequence[int], ends: Sequence[int], width: int) -> bool:
        """Whether each id looks at all that is read up to itself, which a model does sooner if it is given no mask."""
        alike = min(ends) == max(ends) and (width == 1 or (min(starts) == 0 and max(starts) == 0))
        return alike and self._forward.takes_whole_mask

    def _mask(self, visible: Tensor) -> Tensor:
        if self._forward.takes_whole_mask:
            return visible
        lowest = torch.finfo(self._forward.model.dtype).min  # what is added to scores
        return torch.zeros_like(visible, dtype=self._forward.model.dtype).masked_fill_(~visible, lowest)

    def _tensor(self, values: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(values, device=self._forward.device)

    def _check_window(self, ids: int) -> None:
        if self.window is not None and ids > self.window:
            raise ValueError(f"a text of {ids} tokens, its prompt included: the model reads at most {self.window}")

    def _check(self) -> None:
        """Ask for what a short row predicts beside a longer one, and for two branches of it, and alone for the same."""
        short, one, other = [1, 2], [3, 1, 2], [2, 3]
        with torch.inference_mode():
            alone = [self._alone([*short, *branch]) for branch in (one, other)]
            width, logits = len(self.vocabulary), alone[0].shape[-1]
            if logits != width:
                raise ValueError(f"a vocabulary of {width} ids for a model with {logits} logits; both need the same")
            expected = [each.masked_fill(self._nothing, -torch.inf).log_softmax(dim=-1) for each in alone]
            try:
                found = self._beside(short, [one, other])
            except Exception as error:  # some models cannot be asked at all
                raise _refused(self._forward, f"cannot be asked for rows of their own lengths ({error})") from error
        tolerance = 1e-3 if self._forward.model.dtype == torch.float32 else 0.1  # half precision rounds
        for mine, theirs, logits_alone in zip(found, expected, alone, strict=True):
            apart = (mine - theirs)[~self._nothing].abs().max()
            if not bool(apart <= tolerance * logits_alone.std()):
                raise _refused(self._forward, "predicts something else for a row beside others than alone")

    def _alone(self, ids: list[int]) -> Tensor:
        logits, _ = self._forward(self._tensor([ids]), None)
        return logits[0]

    def _beside(self, short: list[int], branches: Sequence[list[int]]) -> list[Tensor]:
        """What follows each branch of a short row, (V,), read side by side."""
        rows = self.open([short, [3, 2, 1, 2, 3]])
        live = self._rows[rows[0]]
        self._settle([*self._rows.values()])
        self._scored(live, [Branch(len(short), ids) for ids in branches])
        found = [draft.after for draft in live.drafts]
        self.drop(rows)
        return found


def _layers(forward: Forward) -> int:
    layers = DynamicCache(config=forward.model.config).layers
    if not forward.takes_positions:
        raise _refused(forward, "takes no positions")
    for layer in layers:
        if type(layer) is not DynamicLayer:
            raise _refused(forward, f"keeps {type(layer).__name__} where keys and values of every id are needed")
    return len(layers)


def _refused(forward: Forward, why: str) -> ValueError:
    return ValueError(
        f"{type(forward.model).__name__} cannot go back in a text: it {why}; choose a model with full attention in all "
        "layers and rotary or learnt positions"
    )
