from anabranch.training.report.glossary import term


def test_a_metric_that_is_not_known_keeps_its_name() -> None:
    assert term("my_metric").label == "my metric"
    assert term("my_metric").better == ""


def test_known_metrics_say_what_is_better() -> None:
    assert (term("aiq").better, term("regret").better, term("selection_entropy").better) == ("higher", "lower", "")
