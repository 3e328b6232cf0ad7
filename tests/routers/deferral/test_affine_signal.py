import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.registry import from_plain, to_plain

NAN = float("nan")
RULE = AffineSignal(("a", "b"), (), (1.0, 2.0), (0.5, -1.0), 3.0)


def test_an_affine_signal_is_what_it_says() -> None:
    assert RULE([[3.0, 2.5], [NAN, 0.0], [np.inf, 0.0]])[0] == 3.0 + 0.5 * 2 - 0.5
    assert np.isnan(RULE([[NAN, 0.0], [np.inf, 0.0]])).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_one_row_is_rounded_as_many_are(seed: int, features: int) -> None:
    rng = np.random.default_rng(seed)
    means, weights = (tuple(row.tolist()) for row in rng.normal(size=(2, features)))
    rule, rows = AffineSignal(("x",) * features, (), means, weights, 0.1), rng.normal(size=(50, features))
    assert rule(rows).tolist() == [rule(row).item() for row in rows]


def test_it_is_written_down_and_read_back() -> None:
    assert from_plain(to_plain(RULE)) == RULE
