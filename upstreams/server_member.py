"""Members of fused models that are not in this process, as pools name them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from anabranch.upstreams.text_completion import CompletesText
from anabranch.upstreams.upstream import Upstream

SERVER = "server"


@dataclass(frozen=True)
class ServerMember:
    """A model behind a completion server, which is to write texts with others.

    Args:
        upstream: completes text with log-probabilities; used by this member alone.
        model: its name there.
        tokenizer: folder of the model's tokenizer.json and chat template.
        top: likeliest tokens to ask for at each step; as many as the server gives.
        window: tokens of prompt and completion together; what the upstream's capabilities say if None.
        by_id: prompts are sent as ids, and tokens named by them; if not, all is text.

    Raises:
        ValueError: an upstream that cannot be a member, no tokenizer, or a number that cannot be.
    """

    upstream: Upstream
    model: str
    tokenizer: Path
    top: int = 20
    window: int | None = None
    by_id: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.upstream, CompletesText):
            raise ValueError(f"server {self.upstream.name!r} answers chats only; name one that completes text")
        if self.upstream.capabilities.logprobs is False:
            raise ValueError(f"server {self.upstream.name!r} gives no log-probabilities; name one that does")
        if not (Path(self.tokenizer) / "tokenizer.json").is_file():
            raise ValueError(f"{self.tokenizer} holds no tokenizer.json; name the folder of the model's tokenizer")
        if not _is_whole(self.top, 1) or not (self.window is None or _is_whole(self.window, 2)):
            raise ValueError(f"top {self.top}, window {self.window}: at least 1 token, and at least 2")


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least


def server_member(settings: Mapping[str, Any], opens: Callable[[str], Upstream]) -> ServerMember:
    """The member that a mapping in a pool stands for.

    Args:
        settings: `server`, the name of an upstream of the pool, and the fields of `ServerMember` but for `upstream`.
        opens: makes an upstream of the pool anew.

    Raises:
        ValueError: a setting is missing, unknown or wrong.
    """
    needed = {SERVER, "model", "tokenizer"}
    known = needed | {field.name for field in fields(ServerMember)} - {"upstream"}
    missing, unknown = sorted(needed - set(settings)), sorted(set(settings) - known)
    if missing or unknown:
        raise ValueError(f"a member lacks {missing or 'nothing'} and has unknown {unknown or 'none'}; {sorted(known)}")
    given = {key: value for key, value in settings.items() if key != SERVER}
    return ServerMember(opens(str(settings[SERVER])), **given | {"tokenizer": Path(settings["tokenizer"])})
