"""Hashed byte n-grams: an encoder without weights, for tests and as the smallest default."""

from hashlib import sha256

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from torch.nn import functional

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.tokens import Tokens

_PRIME = 2**31 - 1
_BASE = 1_000_003
_SMALLEST, _LARGEST = 2, 5


class HashingEncoder(Encoder):
    """The sum of one fixed random sign vector a byte n-gram, L2-normalised (n = 2 to 5).

    An n-gram that runs past the end of the text reads zeros there, so that a text of one byte has n-grams too.
    The empty text is the zero vector. Sums of signs are whole numbers, hence exact and free of the order of
    addition: only the normalisation rounds.

    Args:
        width: D.
        buckets: how many sign vectors the n-grams share; a power of two.
        max_tokens: the most bytes of a text that are read, head and tail.
        head_share: the part of `max_tokens` that the head gets.
        seed: of the sign vectors.

    Raises:
        ValueError: width is not positive or buckets no power of two.

    >>> encoder = HashingEncoder(width=8)
    >>> batch = encoder.tokens(["ab", "ab"])
    >>> encoder(*map(torch.from_numpy, batch)).norm(dim=1).round(decimals=4).tolist()
    [1.0, 1.0]

    Source: Weinberger et al. 2009, Feature Hashing for Large Scale Multitask Learning (arXiv 0902.2206);
    sign projections: Achlioptas 2003, Database-friendly random projections.
    """

    signs: Tensor

    def __init__(
        self,
        width: int = 256,
        buckets: int = 4096,
        max_tokens: int = 1024,
        head_share: float = 0.25,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width is {width}; it must be 1 or more")
        if buckets < 2 or buckets & (buckets - 1):
            raise ValueError(f"buckets is {buckets}; it must be a power of two, 2 or more")
        self.name = "hashing"
        self.width = width
        self.buckets = buckets
        self.tokens = Tokens(byte_tokenizer(), max_tokens, head_share)
        rng = torch.Generator().manual_seed(seed)
        signs = torch.randint(0, 2, (buckets, width), generator=rng).float() * 2 - 1
        self.register_buffer("signs", signs, persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings; input_ids (B, S) int64, attention_mask (B, S) int64 -> (B, D) float32."""
        length = input_ids.shape[1]
        ids = functional.pad(input_ids * attention_mask, (0, _LARGEST - 1))  # (B, S + 4)
        mask = attention_mask.unsqueeze(-1).to(self.signs.dtype)  # (B, S, 1)
        total = torch.zeros_like(self.signs[0])
        code = ids[:, :length]
        for n in range(_SMALLEST, _LARGEST + 1):
            code = torch.remainder(code * _BASE + ids[:, n - 1 : length + n - 1], _PRIME)
            bucket = torch.remainder(code, self.buckets)  # (B, S)
            total = total + (self.signs[bucket] * mask).sum(dim=1)  # (B, D)
        return functional.normalize(total, dim=-1)

    @property
    def fingerprint(self) -> str:
        """The sha256 over sign vectors, n-gram sizes, hash and tokens."""
        digest = sha256(self.signs.cpu().numpy().tobytes())
        rule = (type(self).__name__, self.width, _SMALLEST, _LARGEST, _BASE, _PRIME, self.tokens.fingerprint)
        digest.update(repr(rule).encode())
        return digest.hexdigest()


def byte_tokenizer() -> str:
    """A `tokenizer.json` with one token a UTF-8 byte: id 0 pads, ids 1 to 256 are the bytes.

    >>> Tokenizer.from_str(byte_tokenizer()).encode("\u00e9!").ids
    [128, 103, 1]
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"[PAD]": 0} | {character: i for i, character in enumerate(alphabet, start=1)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return str(tokenizer.to_str())
