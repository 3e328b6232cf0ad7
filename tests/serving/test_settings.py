"""What may be served, from a file or from options."""

from pathlib import Path
from typing import Any

import pytest

from anabranch.serving.settings import ServeError, read_settings
from anabranch.upstreams.pool import PoolError

POOL_TEXT = "upstreams: {here: {kind: fake}}\nmodels: [{name: wren, upstream: here}]\n"


def written(folder: Path, text: str) -> str:
    (folder / "file.yaml").write_text(text)
    return str(folder / "file.yaml")


def test_the_defaults_are_careful(tmp_path: Path) -> None:
    settings = read_settings(str(tmp_path), {})
    assert settings.bundle == tmp_path
    assert (settings.host, settings.port, settings.pool) == ("127.0.0.1", 8000, None)
    assert settings.limits.body_bytes == 32 * 1024 * 1024


def test_options_win_over_the_file(tmp_path: Path) -> None:
    source = written(tmp_path, "bundle: b\npool: pocket\nport: 9000\nhost: 0.0.0.0\n")
    settings = read_settings(source, {"port": 9001, "host": None, "tradeoff": 0.25})
    assert (settings.port, settings.host, settings.tradeoff) == (9001, "0.0.0.0", 0.25)
    assert settings.pool == "pocket"


def test_paths_in_a_file_start_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "pool.yaml").write_text(POOL_TEXT)
    settings = read_settings(written(tmp_path, "bundle: b\npool: pool.yaml\n"), {})
    pool = settings.read_pool()
    assert settings.bundle == tmp_path / "b"
    assert pool is not None and pool.names == ("wren",)


def test_a_pool_may_be_written_out(tmp_path: Path) -> None:
    indented = "\n".join(f"  {line}" for line in POOL_TEXT.splitlines())
    pool = read_settings(written(tmp_path, f"pool:\n{indented}\n  prices: prices.json\n"), {}).read_pool()
    assert pool is not None and pool.names == ("wren",)
    assert pool.prices == tmp_path / "prices.json"


def test_a_pool_file_serves_by_name(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, POOL_TEXT), {})
    pool = settings.read_pool()
    assert settings.bundle is None
    assert pool is not None and pool.names == ("wren",)


def test_the_pocket_is_a_word() -> None:
    assert read_settings("pocket", {}).pool == "pocket"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("bundel: b\n", {}, "bundel: Extra inputs are not permitted; settings there are: bundle, pool, host"),
        ("port: many\n", {}, "port: Input should be a valid integer"),
        ("port: 65536\n", {}, "port: Input should be less than or equal to 65535"),
        ("pool: pocket\n", {"tradeoff": 1.5}, "tradeoff: Input should be less than or equal to 1"),
        ("- 1\n", {}, "must map names to settings"),
        ("a: [\n", {}, "is not YAML"),
        ("pool: {models: []}\n", {}, "file.yaml: pool: models: Tuple should have at least 1 item"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ServeError, PoolError)) as caught:
        read_settings(written(tmp_path, text), options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_not_there() -> None:
    with pytest.raises(ServeError, match="nowhere is not there; give a bundle folder, a configuration file"):
        read_settings("nowhere", {})
