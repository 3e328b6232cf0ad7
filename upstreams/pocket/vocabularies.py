"""The tokens of the pocket models: three vocabularies of three kinds, learnt from the pocket prompts."""

import json
from collections.abc import Iterable
from typing import Literal

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

Vocabulary = Literal["letters", "pieces", "words"]

PAD, USER, ASSISTANT, SYSTEM, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"
SPECIAL = [PAD, USER, ASSISTANT, SYSTEM, END]
SIZES = {"letters": 256 + len(SPECIAL), "pieces": 480, "words": 640}

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def learn(vocabulary: Vocabulary, texts: Iterable[str]) -> Tokenizer:
    """A tokenizer of that kind, with a digit a token.

    `letters` has a token a byte and `pieces` byte-level pairs, as GPT-2; `words` has pairs of characters over visible
    blanks with bytes for what is rare, as Llama.

    >>> learn("letters", []).encode("7 up").tokens
    ['7', 'Ġ', 'u', 'p']
    """
    tokenizer, trainer = _blank(vocabulary)
    if vocabulary == "letters":
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
        return tokenizer
    tokenizer.train_from_iterator(texts, trainer)
    return _only_special(tokenizer)


def _only_special(tokenizer: Tokenizer) -> Tokenizer:
    """The trainer takes the bytes as special tokens, which decoding would skip; here they are plain ones."""
    contents = json.loads(tokenizer.to_str())
    contents["added_tokens"] = [token for token in contents["added_tokens"] if token["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(contents))


def _blank(vocabulary: Vocabulary) -> tuple[Tokenizer, trainers.BpeTrainer]:
    size = SIZES[vocabulary]
    digits = pre_tokenizers.Digits(individual_digits=True)
    if vocabulary == "words":
        tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token=None))
        blanks = pre_tokenizers.Metaspace(prepend_scheme="never")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([blanks, digits, pre_tokenizers.Punctuation()])
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
        return tokenizer, trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL + bytes_, show_progress=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    vocab = {character: at for at, character in enumerate(sorted(alphabet))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]) if vocabulary == "letters" else models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=sorted(alphabet), show_progress=False
    )
    return tokenizer, trainer
