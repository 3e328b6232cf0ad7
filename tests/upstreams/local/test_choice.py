import math

import pytest
import torch

from anabranch.upstreams.local.choice import choose, inverse_cdf, nucleus
from anabranch.upstreams.local.sampling import LARGEST_BELOW_ONE, Sampling


def test_temperature_0_takes_the_likeliest() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])
    assert choose(logits, [Sampling(), Sampling(0.0, seed=1)]).tolist() == [1, 0]


def test_a_draw_falls_into_its_share() -> None:
    """Cumulative 0.2, 0.2, 1: below 0.2 is token 0, from 0.2 on token 2; token 1 has nothing."""
    probabilities = torch.tensor([[0.2, 0.0, 0.8]]).expand(4, 3)
    draws = torch.tensor([0.0, 0.19, 0.2, LARGEST_BELOW_ONE])
    assert inverse_cdf(probabilities, draws).tolist() == [0, 0, 2, 2]


def test_the_last_draw_stays_inside_what_has_probability() -> None:
    probabilities = torch.cat([torch.full((1, 999), 1 / 999), torch.zeros(1, 999)], dim=1)
    assert inverse_cdf(probabilities, torch.tensor([LARGEST_BELOW_ONE])).item() < 999


def test_a_nucleus_is_the_fewest_that_reach_top_p() -> None:
    """0.6 alone reaches 0.6; with 0.61 the 0.3 comes in, and a draw of 0.7 of 0.9 is beyond 0.6."""
    probabilities = torch.tensor([[0.1, 0.6, 0.3]]).expand(3, 3)
    top_p, draws = torch.tensor([0.6, 0.61, 1e-9]), torch.tensor([0.99, 0.7, 0.99])
    assert nucleus(probabilities, top_p, draws).tolist() == [1, 2, 1]


def test_frequencies_are_the_tempered_probabilities() -> None:
    """Logits ln 1, ln 4 at temperature 2 are odds of 1 to 2; five standard deviations of 4000 draws are 0.037."""
    sampling, logits = Sampling(2.0, seed=7), torch.tensor([[0.0, math.log(4)]])
    drawn = [choose(logits, [sampling]).item() for _ in range(4000)]
    assert sum(drawn) / 4000 == pytest.approx(2 / 3, abs=0.037)


def test_a_row_does_not_depend_on_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 50, generator=generator)

    def rows() -> list[Sampling]:
        return [Sampling(1.0, seed=1), Sampling(), Sampling(0.7, 0.9, seed=1), Sampling(1.0, seed=2)]

    together = choose(logits, rows()).tolist()
    alone = [choose(logits[row : row + 1], [sampling]).item() for row, sampling in enumerate(rows())]
    assert together == alone


def test_a_tiny_temperature_makes_no_nan() -> None:
    assert choose(torch.tensor([[0.0, 50.0, 49.0]]), [Sampling(1e-30, seed=0)]).tolist() == [1]
