"""The encoder contract: token ids to one embedding a text."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from anabranch.routers.encoders.tokens import Tokens


class Encoder(nn.Module, ABC):
    """A module from token ids to embeddings, with the tokens it was made for.

    Attributes:
        name: what the user typed; enough to build the encoder again.
        width: D, the length of an embedding.
        tokens: text to token ids, the same object training, export and serving use.
        fingerprint: sha256 over weights, pooling, tokenizer and truncation; the embedding cache's key.
    """

    name: str
    width: int
    tokens: Tokens

    @abstractmethod
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings; input_ids (B, S) int64, attention_mask (B, S) int64 -> (B, D) float32."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """The sha256 that names this encoder's embeddings."""
