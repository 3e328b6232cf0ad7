from anabranch.training.report.palette import look


def test_eighteen_curves_and_thirty_marks_differ() -> None:
    assert len({(look(i).colour, look(i).dash) for i in range(18)}) == 18
    assert len({(look(i).colour, look(i).shape) for i in range(30)}) == 30
