"""What the benchmark of fusion puts together and counts; never how long it took."""

from benchmarks.fusion.union import merged_tokens, union, vocabulary


def test_tokens_are_bytes_and_merges_of_two_tokens() -> None:
    tokens = merged_tokens(600)
    assert len(set(tokens)) == 600 and tokens[65] == b"A"
    known = set(tokens[:256])
    for token in tokens[256:]:
        assert any({token[:cut], token[cut:]} <= known for cut in range(1, len(token)))
        known.add(token)


def test_vocabularies_share_a_part_of_their_tokens() -> None:
    """All 256 bytes, and what two draws of 1,741 of 2,410 others share: 1,741^2 / 2,410 = 1,258.

    Give or take 10, by the hypergeometric law: the root of 1,258 * (669 / 2,410) * (669 / 2,409).
    """
    tokens = merged_tokens(2666)
    one, other = (vocabulary(tokens, 2000, seed) for seed in (0, 1))
    assert len(one) == 2000 and sum(text is None for text in one.written) == 3 and one.ends == {1997}
    assert abs(len({*one.written} & {*other.written} - {None}) - (256 + 1258)) < 40


def test_a_row_says_what_it_is_of() -> None:
    row = union(1000, repeats=1)
    assert (row["models"], row["ids"], row["limit_s"]) == (2, 1000, 2.0)
    assert 1000 < row["symbols"] <= 1000 * 4 // 3 + 1
    assert list(row["goals"]) == ["build_under_2_s"]
