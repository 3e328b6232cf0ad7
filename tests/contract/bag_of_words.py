"""The smallest encoder that learns: the mean of one vector a word."""

from hashlib import sha256

from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.tokens import Tokens


class BagOfWords(Encoder):
    """The mean of the vectors of a text's words; unknown words are one word.

    Args:
        words: the vocabulary.
        width: D.
    """

    def __init__(self, words: list[str], width: int) -> None:
        super().__init__()
        self.name = "bag-of-words"
        self.width = width
        self.tokens = Tokens(_tokenizer(words), max_tokens=16)
        self.vectors = nn.EmbeddingBag(len(words) + 2, width, mode="mean", padding_idx=0)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings; input_ids (B, S), attention_mask (B, S) -> (B, D)."""
        mean: Tensor = self.vectors(input_ids * attention_mask)
        return mean

    @property
    def fingerprint(self) -> str:
        """The sha256 over vectors and tokens."""
        weights = self.vectors.weight.detach().numpy().tobytes()
        return sha256(weights + self.tokens.fingerprint.encode()).hexdigest()


def _tokenizer(words: list[str]) -> str:
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return str(tokenizer.to_str())
