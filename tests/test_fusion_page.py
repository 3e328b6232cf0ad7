"""docs/fusion.md names the methods there are, and its pool can be read."""

import re
from pathlib import Path

import yaml

from anabranch.serving.fusion.during.registry import FUSIONS
from anabranch.upstreams.pool import open_upstream, pool_from

PAGE = Path(__file__).parents[1] / "docs" / "fusion.md"


def test_the_table_has_every_method() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == [*FUSIONS]


def test_the_pool_of_the_page_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    pool = pool_from(yaml.safe_load(block), Path(), "docs/fusion.md")
    assert open_upstream("mix", pool.upstreams["mix"], {}).name == "mix"
