import subprocess
import sys

LIGHT = (
    "answers",
    "arms",
    "confidence",
    "judges",
    "minhash",
    "outcomes",
    "preferences",
    "prices",
    "routing_text",
    "splits",
    "text_keys",
    "token_signals",
)
HEAVY = {"datasets", "pandas", "pyarrow", "rich", "scipy", "torch"}


def test_what_serving_reaches_needs_numpy_only() -> None:
    imports = "; ".join(f"import anabranch.data.{module}" for module in LIGHT)
    code = f"import sys; {imports}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "anabranch.data.arms" in loaded
    assert not HEAVY & set(loaded)
