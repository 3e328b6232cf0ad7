from anabranch.training.report.names import short_names, shortened


def test_names_that_would_be_equal_stay_long() -> None:
    names = short_names(["a/llama", "b/llama", "c/mixtral"])
    assert names == {"a/llama": "a/llama", "b/llama": "b/llama", "c/mixtral": "mixtral"}


def test_a_name_that_ends_in_a_slash_is_kept() -> None:
    assert short_names(["folder/"]) == {"folder/": "folder/"}


def test_a_colon_inside_a_name_is_part_of_it() -> None:
    assert shortened("acme/llama:8b", ["acme/llama:8b"]) == "llama:8b"
    assert shortened("cheapest: acme/llama:8b", ["acme/llama:8b"]) == "cheapest: llama:8b"
    assert shortened("random mix", ["acme/llama:8b"]) == "random mix"
