"""What can be said of a model's folder without loading it."""

import json
import re
from pathlib import Path

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
# what configurations call the longest text that they allow
WINDOW_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len")


def is_on_hub(folder: str | Path) -> bool:
    """Whether it must be the id of a model on the hub, being no folder.

    >>> is_on_hub("owner/model"), is_on_hub(Path("owner/model"))
    (True, False)
    """
    return isinstance(folder, str) and not Path(folder).exists() and HUB_ID.fullmatch(folder) is not None


def check_folder(folder: str | Path) -> None:
    """See that there is a model in a folder.

    Raises:
        ValueError: no folder, no configuration, or no weights in safetensors.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{path} is no folder; name one that save_pretrained wrote, or a model on the hub")
    if not (path / "config.json").is_file():
        raise ValueError(f"{path} holds no config.json; name a folder that save_pretrained wrote")
    if not any(path.glob("*.safetensors")):
        raise ValueError(f"{path} holds no *.safetensors; pickled weights are not read: save the model again")


def window_of(folder: str | Path) -> int | None:
    """Tokens of prompt and completion together, as the configuration says; None if it does not.

    Raises:
        ValueError: the configuration is no JSON object.
    """
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config = config | config.get("text_config", {})
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{path} is no JSON object; save the model again") from None
    return next((config[name] for name in WINDOW_NAMES if isinstance(config.get(name), int)), None)
