import copy
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from anabranch.routers.encoders.tokens import Collisions, Tokens

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def tokenizer() -> Tokenizer:
    """One to ten are ids 1 to 10; [CLS] = 11 before and [SEP] = 12 after every text."""
    words = {word: i for i, word in enumerate(["_", *NUMBERS, "[CLS]", "[SEP]"])}
    made = Tokenizer(models.WordLevel(words, "_"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 11), ("[SEP]", 12)])
    return made


def tokens(max_tokens: int = 6, **settings: object) -> Tokens:
    return Tokens(tokenizer().to_str(), max_tokens, **settings)  # type: ignore[arg-type]


def ids(made: Tokens, text: str) -> list[int]:
    return [int(token) for token in made.truncated_ids([text])[0]]


def test_head_and_tail_stay_with_the_specials_at_both_ends() -> None:
    """Ten words and two specials are 12 ids; round(0.25 * 6) = 2 stay in front and 4 behind."""
    assert ids(tokens(), " ".join(NUMBERS)) == [11, 1, 8, 9, 10, 12]


def test_a_text_that_just_fits_is_whole() -> None:
    assert ids(tokens(), "one two three four") == [11, 1, 2, 3, 4, 12]
    assert ids(tokens(), "one two three four five") == [11, 1, 3, 4, 5, 12]


@pytest.mark.parametrize(
    ("head_share", "expected"),
    [(0.0, [11, 7, 8, 9, 10, 12]), (0.5, [11, 1, 2, 9, 10, 12]), (1.0, [11, 1, 2, 3, 4, 12])],
)
def test_specials_survive_every_head_share(head_share: float, expected: list[int]) -> None:
    assert ids(tokens(head_share=head_share), " ".join(NUMBERS)) == expected


def test_batches_are_padded_on_the_right_to_their_longest() -> None:
    batch = tokens(pad_id=99)(["one two", "", "one"])
    assert batch.input_ids.tolist() == [[11, 1, 2, 12], [11, 12, 99, 99], [11, 1, 12, 99]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert batch.input_ids.dtype == batch.attention_mask.dtype == np.int64


def test_no_texts_and_no_tokens_still_have_one_column() -> None:
    bare = tokenizer()
    bare.post_processor = processors.Sequence([])
    assert tokens()([]).input_ids.shape == (0, 1)
    batch = Tokens(bare.to_str(), 4)([""])
    assert (batch.input_ids.tolist(), batch.attention_mask.tolist()) == ([[0]], [[0]])


def test_lengths_count_prefix_and_specials_before_truncation() -> None:
    """ "one" and ten words and two specials are 13; "one", "two" and two specials are 4."""
    assert tokens(prefix="one ").lengths([" ".join(NUMBERS), "two"]).tolist() == [13, 4]


def test_the_prefix_leads_every_text() -> None:
    assert ids(tokens(prefix="three "), "one") == [11, 3, 1, 12]


def test_the_tokenizers_own_truncation_and_padding_are_off() -> None:
    own = tokenizer()
    own.enable_truncation(3)
    own.enable_padding(length=9)
    assert ids(Tokens(own.to_str(), 6), "one two three") == [11, 1, 2, 3, 12]


def test_collisions_count_prompts_that_truncation_made_equal() -> None:
    """max_tokens 6: head only keeps four words, head and tail the first word and the last three.

    Texts: A = 1 2 3 4 5, B = 1 2 3 4 6, C = 1 2 3 4 (whole), D = 1 7 8 3 4 5, twice E = 9.
    Head only: A, B and C all become 1 2 3 4; D is 1 7 8 3: 3 of 6 collide.
    Head and tail: A and D become 1 3 4 5; B is 1 3 4 6, C whole: 2 of 6. The two E were equal before.
    Longer than 6 ids: A, B and D.
    """
    texts = ["one two three four five", "one two three four six", "one two three four"]
    texts += ["one seven eight three four five", "nine", "nine"]
    assert tokens().collision_report(texts) == Collisions(3 / 6, 2 / 6, 3 / 6)


def test_no_prompts_have_no_collisions() -> None:
    assert tokens().collision_report([]) == Collisions(0.0, 0.0, 0.0)


def test_settings_survive_json() -> None:
    made = tokens(head_share=1, pad_id=3, prefix="one ")
    again = Tokens.from_json(made.tokenizer_json, json.loads(json.dumps(made.to_json())))
    assert again == made
    assert again.fingerprint == made.fingerprint


@pytest.mark.parametrize("change", [{"max_tokens": "6"}, {"head_share": None}, {"padding": 1}])
def test_wrong_settings_are_refused(change: dict[str, object]) -> None:
    made = tokens()
    with pytest.raises(ValueError, match=next(iter(change))):
        Tokens.from_json(made.tokenizer_json, made.to_json() | change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_tokens": 2}, "adds 2 special tokens, so give at least 3"),
        ({"head_share": 1.5}, "head_share is 1.5"),
        ({"pad_id": -1}, "pad_id is -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tokens(**settings)  # type: ignore[arg-type]


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a tokenizer\.json"):
        Tokens("{}", 8)


@pytest.mark.parametrize("change", [{"max_tokens": 7}, {"head_share": 0.5}, {"pad_id": 1}, {"prefix": "one "}])
def test_the_fingerprint_knows_every_setting(change: dict[str, object]) -> None:
    assert tokens(**change).fingerprint != tokens().fingerprint  # type: ignore[arg-type]


def test_the_fingerprint_knows_the_tokenizer() -> None:
    other = tokenizer()
    other.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    assert Tokens(other.to_str(), 6).fingerprint != tokens().fingerprint


def test_half_a_surrogate_pair_is_read_as_unknown() -> None:
    assert ids(tokens(), "one \ud83d two") == [11, 1, 0, 2, 12]


def test_copies_give_the_same_ids() -> None:
    made = tokens()
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin == made
        assert ids(twin, " ".join(NUMBERS)) == ids(made, " ".join(NUMBERS))


def test_threads_share_one_object() -> None:
    made = tokens()
    texts = [" ".join(NUMBERS[:n]) for n in range(1, 11)] * 20
    alone = [row.tolist() for row in made.truncated_ids(texts)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: ids(made, text), texts))
    assert together == alone


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(NUMBERS), max_size=20), max_size=5), st.integers(3, 12), st.floats(0, 1))
def test_every_row_is_a_start_and_an_end_of_its_text(texts: list[list[str]], most: int, share: float) -> None:
    made = tokens(most, head_share=share)
    batch = made([" ".join(words) for words in texts])
    for words, row, mask in zip(texts, *batch, strict=True):
        whole = [11, *(NUMBERS.index(word) + 1 for word in words), 12]
        kept = row[: mask.sum()].tolist()
        assert len(kept) == min(len(whole), most)
        assert not row[mask.sum() :].any()
        head = next(n for n in range(len(kept) + 1) if n == len(kept) or kept[n] != whole[n])
        assert kept[head:] == whole[len(whole) - len(kept) + head :]


def test_no_torch_is_imported() -> None:
    code = "import sys, anabranch.routers.encoders.tokens, anabranch.routers.encoders.registry\n"
    code += "print(sorted({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
