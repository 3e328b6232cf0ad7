"""Causal language models of transformers in the middle of texts."""

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import DynamicCache, DynamicLayer

from anabranch.upstreams.local.asked import Asked
from anabranch.upstreams.local.cache import swap_out
from anabranch.upstreams.local.canonical import Canonical
from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_row import LiveRow
from anabranch.upstreams.local.pack import Branch, Pack
from anabranch.upstreams.local.placed_cache import PlacedCache
from anabranch.upstreams.local.token_bytes import TokenBytes
from anabranch.upstreams.local.token_model import Work
from anabranch.upstreams.local.vocabulary import Vocabulary

MOST_LOGITS = 2**26  # of continuations that are scored at once; 256 MiB


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

    def advance(self, row: int, most: int) -> int:
        """See `TokenModel`."""
        live = self._rows[row]
        begin = live.same
        end = min(begin + most, len(live.ids) - 1)
        if end <= begin:
            return 0
        with torch.inference_mode():
            self._read([live], ends=[end])
        return end - begin

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

    def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
        """See `TokenModel`.

        Where a text changes how the tokenizer writes the end of what is there already, the first of its tokens are
        those that this end is written with then.

        All continuations of a row go through the model side by side: each looks at what came before and at itself. So
        what came before is neither copied nor read again, short texts are not padded to the longest, and the one that
        is then written is in the cache already.
        """
        with torch.inference_mode():
            lives = [self._rows[row] for row in rows]
            for live in lives:
                self._said(live)
            asked = [Asked.of(live, more) for live, more in zip(lives, texts, strict=True)]
            read = self._read_asked([one for one in asked if one.reads])
        # outside, so that what is given out can be learnt from
        return [[each.clone() for each in (read[one] if one in read else one.known())] for one in asked]

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

    def _read(self, rows: Sequence[LiveRow], keep: int = 1, ends: Sequence[int] = ()) -> Tensor:
        """Read what is pending of rows, or of their ids before some ends; if nothing is, the last of these again.

        Returns: what follows each of their last ids, of as many as are wanted, (rows, keep, V).
        """
        rows = sorted(rows, key=lambda live: live.place)
        ends = ends or [len(live.ids) for live in rows]
        self._check_window(max(ends))
        starts = [min(live.same, end - 1) for live, end in zip(rows, ends, strict=True)]
        new = [live.ids[start:end] for live, start, end in zip(rows, starts, ends, strict=True)]
        width = max(map(len, new))
        # a row with fewer new ids has others before them, which look at its first id, and are written beyond its end
        lead = [width - len(ids) for ids in new]
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

    def _read_asked(self, asked: Sequence[Asked]) -> dict[Asked, list[Tensor]]:
        """The scores of continuations that must be read; what is pending goes through the model with them."""
        found: dict[Asked, list[Tensor]] = {}
        packs = sorted(((one, one.pack()) for one in asked), key=lambda each: each[0].live.place)
        width = max((len(pack.ids) for _, pack in packs), default=0)
        many = max(1, MOST_LOGITS // max(1, width * len(self.vocabulary)))
        for begin in range(0, len(packs), many):
            found |= self._read_packs(packs[begin : begin + many])
        return found

    def _read_packs(self, packs: Sequence[tuple[Asked, Pack]]) -> dict[Asked, list[Tensor]]:
        self._check_window(1 + max(max(pack.positions) for _, pack in packs))
        width, end = max(len(pack.ids) for _, pack in packs), max(pack.end for _, pack in packs)
        # a row with fewer ids has others before them, which look at its first id, and are written beyond its end
        lead = [width - len(pack.ids) for _, pack in packs]
        visible = torch.zeros(len(packs), width, end, dtype=torch.bool, device=self._forward.device)
        for row, (spare, (_, pack)) in enumerate(zip(lead, packs, strict=True)):
            visible[row, :spare, 0] = True
            visible[row, spare:, : pack.end] = pack.visible(self._forward.device)
        pairs = [*zip(lead, (pack for _, pack in packs), strict=True)]
        columns = [[*range(pack.end, pack.end + spare), *range(pack.start, pack.end)] for spare, pack in pairs]
        ids = self._tensor([pack.ids[:1] * spare + pack.ids for spare, pack in pairs])
        positions = self._tensor([[0] * spare + pack.positions for spare, pack in pairs])
        keeps = [len(pack.ids) - one.first for one, pack in packs]
        self._cache.aim([one.live.place for one, _ in packs], columns, end)
        said = self._run(ids, positions, visible, max(keeps), sum(len(pack.ids) for _, pack in packs))
        return {
            one: one.read(pack, each[max(keeps) - keep :])
            for (one, pack), each, keep in zip(packs, said, keeps, strict=True)
        }

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
        self._read_asked([Asked(live, tuple(Branch(len(short), ids) for ids in branches), (None,) * len(branches))])
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
