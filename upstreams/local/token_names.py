"""Which ids a server means by the names of tokens in its answers."""

from functools import cache

from transformers import PreTrainedTokenizerBase

from anabranch.upstreams.local.canonical import Canonical
from anabranch.upstreams.local.threaded import ID
from anabranch.upstreams.local.token_bytes import TokenBytes

NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class TokenNames:
    """Names to ids: `token_id:7` is 7, and other names are what a token writes, or else how its tokenizer shows it.

    Args:
        tokenizer: of the server's model.
        encoder: of the same.
        vocabulary: what its tokens write.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, encoder: Canonical, vocabulary: TokenBytes) -> None:
        self._encoder, self._vocabulary = encoder, vocabulary
        self._pieces: dict[str, int] = tokenizer.get_vocab()
        self._read = cache(self._id_read)

    def id_of(self, name: str) -> int | None:
        """The id of that name; None if it is not known, as of what is no whole character, or is shown as nothing.

        Of several that write it, it is the one with which the tokenizer writes it, or else the lowest.
        """
        number = name.removeprefix(ID)
        if number != name:
            return int(number) if number.isdecimal() and int(number) < len(self._vocabulary) else None
        return None if not name or NO_CHARACTER in name else self._read(name)

    def _id_read(self, name: str) -> int | None:
        written = name.encode(errors="surrogatepass")
        ids = self._encoder.encode(written)
        if len(ids) == 1 and self._vocabulary.written[ids[0]] == written:
            return ids[0]
        return self._vocabulary.ids.get(written, self._pieces.get(name))
