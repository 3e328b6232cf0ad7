"""What docs/fusion.md shows of the command line is run, in its order, in one folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "fusion.md"
BLOCK = re.compile(r"<!-- run -->\n```bash\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert ["evaluate" in block for block in blocks] == [False, True]
    for block in blocks:
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "gac(pocket-owl, pocket-heron)" in done.stdout
    assert (tmp_path / "report" / "report.html").exists()
    assert (tmp_path / "report" / "fused" / "ledger.sqlite").exists()
