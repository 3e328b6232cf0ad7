import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.network_signal import FARTHEST, NetworkSignal
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.training.replay.gain_networks import GainNetworks

NAN = float("nan")
RULE = NetworkSignal(
    ("a", "b"),
    (),
    means=(1.0, 2.0),
    scales=(2.0, 0.5),
    hidden=((1.0, -1.0), (0.5, 2.0)),
    hidden_bias=(0.25, -1.0),
    weights=(2.0, -3.0),
    bias=0.125,
)
"""Two units of two features."""


def networks(seed: int, features: int, hidden: int) -> GainNetworks:
    """Two networks with random numbers everywhere."""
    rng = torch.Generator().manual_seed(seed)
    made = GainNetworks(2, features, hidden)
    with torch.no_grad():
        for part in made.parameters():
            part.normal_(generator=rng)
        made.means.normal_(generator=rng)
        made.scales.uniform_(0.1, 3.0, generator=rng)
    return made


def test_two_units_by_hand() -> None:
    """At a = 3, b = 2.25: z = (1, 0.5), the units 0.25 + 1 - 0.5 = 0.75 and -1 + 0.5 + 1 = 0.5: 0.125 + 1.5 - 1.5.

    At a = 1, b = 2.5: z = (0, 1), the units 0.25 - 1, which is cut to 0, and -1 + 2 = 1: 0.125 - 3.
    """
    assert RULE([[3.0, 2.25], [1.0, 2.5]]).tolist() == [0.125, -2.875]


def test_what_lies_far_away_tells_no_more() -> None:
    """b = 2 + 0.5 * 5 is z = 5; a million says the same."""
    assert RULE([1.0, 2.0 + 0.5 * FARTHEST]) == RULE([1.0, 1e6]) == 0.125 - 3 * (2 * FARTHEST - 1)


def test_what_is_not_known_is_not_sure() -> None:
    assert np.isnan(RULE([[NAN, 0.0], [np.inf, 0.0], [0.0, -np.inf]])).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 20))
def test_one_row_is_rounded_as_many_are(seed: int, features: int, hidden: int) -> None:
    rule = networks(seed, features, hidden).signal(0, ("x",) * features, ())
    rows = np.random.default_rng(seed).normal(size=(50, features))
    assert rule(rows).tolist() == [rule(row).item() for row in rows]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 24), st.integers(1, 16))
def test_serving_says_what_torch_says_turned_around(seed: int, features: int, hidden: int) -> None:
    """The gain that torch finds, less of which is surer; also far away, and after a way through JSON."""
    made = networks(seed, features, hidden)
    rows = np.random.default_rng(seed).normal(scale=5.0, size=(40, features)).astype(np.float32)
    with torch.inference_mode():
        gains = made(torch.from_numpy(rows)).numpy()
    for each in (0, 1):
        rule = made.signal(each, ("x",) * features, ())
        read = from_plain(json.loads(json.dumps(to_plain(rule))))
        np.testing.assert_array_equal(read(rows), rule(rows))
        np.testing.assert_allclose(rule(rows), -gains[:, each], rtol=1e-5, atol=1e-5 * np.abs(gains).max())


def test_the_numbers_are_written_down_as_they_are() -> None:
    """Float32 values, all of them equal to those of torch; a few hundred."""
    made = networks(0, 24, 16)
    rule = made.signal(1, ("x",) * 24, ())
    assert from_plain(json.loads(json.dumps(to_plain(rule)))) == rule
    for name, part in made.state_dict().items():
        kept = np.array(getattr(rule, name), np.float64)
        sign = -1 if name in ("weights", "bias") else 1
        np.testing.assert_array_equal(sign * kept, part[1].numpy().astype(np.float64))
    assert sum(part[0].numel() for part in made.state_dict().values()) == 24 * 16 + 2 * 16 + 1 + 2 * 24


def test_a_part_with_other_settings_is_refused() -> None:
    with pytest.raises(ValueError, match="'network-signal' cannot be made of"):
        from_plain({"kind": "network-signal", "signals": ["a"]})
