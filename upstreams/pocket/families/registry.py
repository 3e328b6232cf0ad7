"""The families by name; a new one is one file and one row."""

FAMILIES: dict[str, str] = {
    name: f"anabranch.upstreams.pocket.families.{name}:{name.upper()}"
    for name in (
        "arithmetic",
        "comparison",
        "counting",
        "dates",
        "facts",
        "patterns",
        "reversal",
        "sorting",
        "spelling",
        "units",
    )
}
TEST_ONLY = ("spelling",)  # no router learns from these
TAUGHT = tuple(name for name in FAMILIES if name not in TEST_ONLY)
