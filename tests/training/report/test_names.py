from dataclasses import replace

from anabranch.training.report.contents import Report
from anabranch.training.report.names import kinds_of, short_names, shortened, titled


def test_names_that_would_be_equal_stay_long() -> None:
    names = short_names(["a/llama", "b/llama", "c/mixtral"])
    assert names == {"a/llama": "a/llama", "b/llama": "b/llama", "c/mixtral": "mixtral"}


def test_a_name_that_ends_in_a_slash_is_kept() -> None:
    assert short_names(["folder/"]) == {"folder/": "folder/"}


def test_a_colon_inside_a_name_is_part_of_it() -> None:
    assert shortened("acme/llama:8b", ["acme/llama:8b"]) == "llama:8b"
    assert shortened("cheapest: acme/llama:8b", ["acme/llama:8b"]) == "cheapest: llama:8b"
    assert shortened("random mix", ["acme/llama:8b"]) == "random mix"


def test_only_cascades_are_titled_so(cascaded: Report, priced: Report) -> None:
    assert [one.row.name for one in titled(cascaded).routers] == ["knn", "frugal (cascade)", "unpriced (cascade)"]
    assert kinds_of(cascaded) == ("router", "cascade")
    assert kinds_of(replace(priced, routers=())) == ("router",)
