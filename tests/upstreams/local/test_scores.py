import math

import pytest
import torch

from anabranch.upstreams.local.scores import scored


def test_log_probabilities_by_hand() -> None:
    """Odds 1 : 2 : 5 are 1/8, 1/4 and 5/8."""
    logits = torch.tensor([[1.0, 2.0, 5.0]]).log()
    (token,) = scored(logits, torch.tensor([1]), [2])
    assert token.token == 1
    assert token.logprob == pytest.approx(math.log(1 / 4))
    assert [index for index, _ in token.top] == [2, 1]
    assert [logprob for _, logprob in token.top] == pytest.approx([math.log(5 / 8), math.log(1 / 4)])


def test_each_row_gets_what_it_asked_for() -> None:
    logits, tokens = torch.zeros(4, 3), torch.tensor([2, 0, 1, 2])
    found = scored(logits, tokens, [None, 0, 9, 1])
    assert [token.token for token in found] == [2, 0, 1, 2]
    assert [token.logprob is None for token in found] == [True, False, False, False]
    assert [len(token.top) for token in found] == [0, 0, 3, 1]
    assert found[1].logprob == pytest.approx(-math.log(3))
