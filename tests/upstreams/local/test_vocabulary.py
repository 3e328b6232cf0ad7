import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from anabranch.upstreams.local.vocabulary import Vocabulary
from tests.upstreams.local import tiny


def words() -> Vocabulary:
    """Words with a mark for the blank before them, taken off the first, and a special token before every text."""
    pieces = {"<s>": 0, "▁he": 1, "▁said": 2, "a": 3, "▁": 4, "?": 5}
    backend = Tokenizer(models.WordLevel(pieces, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>")  # type: ignore[no-untyped-call]
    return Vocabulary(tokenizer, 6)


def test_what_each_token_adds_to_a_text() -> None:
    """The special token adds nothing."""
    assert words().read("he said") == ((0, 1, 2), ("", "he", " said"))


def test_a_character_of_several_tokens_is_added_by_the_first() -> None:
    vocabulary = Vocabulary(tiny.byte_tokenizer(), tiny.VOCABULARY)
    _, texts = vocabulary.read("aé")
    assert texts == ("a", "é", "")


def test_what_each_id_adds() -> None:
    vocabulary = Vocabulary(tiny.byte_tokenizer(), tiny.VOCABULARY)
    ids = tiny.byte_tokenizer().encode("aé")
    assert vocabulary.texts(ids) == ("a", "", "é")
    assert vocabulary.texts(ids[:-1]) == ("a", "\N{REPLACEMENT CHARACTER}")
    assert vocabulary.texts([]) == ()


def test_special_tokens_are_shown_only_where_they_are_named() -> None:
    vocabulary = words()
    assert vocabulary.decode([0, 1, 2]) == "he said"
    assert vocabulary.decode_all([0, 1]) == "<s> he"
    assert vocabulary.text_of(0).strip() == "<s>"


def test_a_token_alone_keeps_its_blank() -> None:
    vocabulary = words()
    assert [vocabulary.text_of(1), vocabulary.text_of(2)] == [" he", " said"]


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        words().read("\ud800")
