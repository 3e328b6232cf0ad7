import numpy as np
import pytest

from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.network_signal import NetworkSignal
from anabranch.routers.deferral.post_hoc_signal import PostHocSignal
from anabranch.routers.deferral.registry import from_plain, to_plain

NAN = float("nan")
RULE = AffineSignal(("a", "b"), (), (1.0, 2.0), (0.5, -1.0), 3.0)
BENT = NetworkSignal(("b",), (), (2.0,), (0.5,), ((1.0,), (-1.0,)), (0.0, 0.0), (-1.0, -1.0), 4.0)
"""4 less the distance of b from 2, in units of 0.5."""


def test_every_answer_is_judged_by_the_rule_of_its_model() -> None:
    """Of model 0: 3 + 0.5 (3 - 1) - (2.5 - 2) = 3.5; of model 2: 4 - 1; model 1 has no rule; without b nothing is
    known.
    """
    signal = PostHocSignal("post_hoc", (RULE, None, BENT))
    seen = {"a": 3.0, "b": 2.5}
    found = signal([*(Answered(model, "", "", seen) for model in range(3)), Answered(0, "", "", {"a": 3.0})])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [3.5, NAN, 3.0, NAN])


def test_it_is_written_down_and_read_back() -> None:
    signal = PostHocSignal("post_hoc", (RULE, None, BENT))
    assert from_plain(to_plain(signal)) == signal


def test_a_rule_that_reads_estimates_is_no_signal_of_an_answer() -> None:
    with pytest.raises(ValueError, match=r"estimates of models \[0, 2\]; learn them without estimates"):
        PostHocSignal("post_hoc", (None, AffineSignal((), (2, 0), (0.0, 0.0), (1.0, 1.0), 0.0)))
