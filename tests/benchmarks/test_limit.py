"""An end to runs that do not end."""

import signal
import time

import pytest

from benchmarks.leaderboard.limit import time_limit


def test_a_run_that_takes_too_long_is_stopped_and_the_alarm_is_off_afterwards() -> None:
    with pytest.raises(TimeoutError, match="not done after 1 s"), time_limit(1):
        time.sleep(60)
    assert signal.alarm(0) == 0
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
