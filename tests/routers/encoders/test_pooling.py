import pytest
import torch

from anabranch.routers.encoders.pooling import POOLINGS, Pooling

HIDDEN = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [5.0, -9.0], [70.0, 70.0]]])
MASK = torch.tensor([[1, 1, 1, 0]])
BY_HAND = {
    "cls": [1.0, -4.0],
    "max": [5.0, -2.0],
    "mean": [3.0, -5.0],
    "mean_sqrt_len_tokens": [5.196152, -8.660254],
    "weightedmean": [11 / 3, -35 / 6],
    "lasttoken": [5.0, -9.0],
}


@pytest.mark.parametrize("mode", POOLINGS)
def test_poolings_by_hand(mode: str) -> None:
    """Sums of the three tokens are (9, -15).

    Over 3: (3, -5); over sqrt(3) = 1.7320508: (5.196152, -8.660254).
    Weights 1, 2, 3 (sum 6): (1 + 6 + 15) / 6 = 22 / 6 and (-4 - 4 - 27) / 6 = -35 / 6.
    """
    assert POOLINGS[mode](HIDDEN, MASK)[0].tolist() == pytest.approx(BY_HAND[mode], abs=1e-6)


@pytest.mark.parametrize("mode", POOLINGS)
def test_padding_changes_nothing(mode: str) -> None:
    padded, alone = POOLINGS[mode](HIDDEN, MASK), POOLINGS[mode](HIDDEN[:, :3], MASK[:, :3])
    assert torch.equal(padded, alone)


@pytest.mark.parametrize("mode", POOLINGS)
def test_no_tokens_pool_to_zero(mode: str) -> None:
    assert POOLINGS[mode](HIDDEN, torch.zeros_like(MASK)).tolist() == [[0.0, 0.0]]


def test_several_poolings_are_concatenated_in_their_order() -> None:
    assert Pooling(["lasttoken", "cls"])(HIDDEN, MASK).tolist() == [[5.0, -9.0, 1.0, -4.0]]


@pytest.mark.parametrize("modes", [["median"], []])
def test_unknown_poolings_are_refused(modes: list[str]) -> None:
    with pytest.raises(ValueError, match="known poolings: cls, max, mean"):
        Pooling(modes)
