"""What the benchmark of fusion puts together and counts; never how long it took."""

import pytest

from benchmarks.fusion.steps import goals, steps
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


@pytest.mark.slow
def test_steps_read_nothing_twice() -> None:
    """Two models, an id each a step, but that one now and then takes back what it wrote last."""
    found = steps(("pocket",), (16,), (1, 2), repeats=1)
    rows = {(row["method"], row["batch"]): row for row in found["rows"]}
    for method in ("gac", "unite"):
        for batch in (1, 2):
            assert rows[method, batch]["forwards_a_step"] == 2
            assert 2 <= rows[method, batch]["tokens_a_step"] < 2.5
    assert rows["me", 1]["forwards_a_step"] == 1
    assert {name.split("_")[0] for name in found["goals"]} == {"pocket"}


def test_goals_tell_long_prefixes_and_worthwhile_steps_apart() -> None:
    """Overhead counts where models' steps are short, the ratio where they are long; a slope is over all prefixes."""
    row = {"pair": "pocket", "batch": 1, "method": "gac", "alone_ms": [1.5, 1.0], "ms": 2.6, "e_sum": 2.5 / 2.6}
    short = {**row, "prefix": 32, "overhead_ms": 0.1}
    long = {**row, "prefix": 256, "overhead_ms": 0.1}
    steep = {**long, "prefix": 1024, "ms": 9.0, "e_sum": 2.5 / 9, "overhead_ms": 6.5}
    assert all(goals([short, long]).values())
    missed = goals([short, long, steep])
    assert not missed["pocket_gac_at_least_0.9"] and not missed["pocket_gac_no_steeper_than_its_models"]
    assert missed["pocket_gac_overhead_under_0.2_ms"], "of no step that is short"
    quick = {**long, "alone_ms": [0.5, 0.5], "ms": 1.5, "e_sum": 2 / 3, "overhead_ms": 0.5}
    assert goals([short, quick])["pocket_gac_at_least_0.9"] and not goals([quick])["pocket_gac_overhead_under_0.2_ms"]
