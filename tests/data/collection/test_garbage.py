import gc

import pytest

from anabranch.data.collection.garbage import SELDOM, set_aside


def test_the_collector_is_as_before_after_the_block() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(RuntimeError), set_aside():
        assert gc.get_threshold() == SELDOM
        assert gc.get_freeze_count() > frozen
        raise RuntimeError
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
