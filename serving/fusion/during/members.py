"""Members of a fused model: folders, models on the hub, pocket models, and models behind servers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.upstreams.local.model_folder import check_folder, is_on_hub, window_of
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.server_member import ServerMember

if TYPE_CHECKING:
    from anabranch.serving.fusion.during.step import Step

POCKET = "pocket-"
Member = str | Path | ServerMember


def checked(member: Member) -> Member:
    """A member with its folder, if it is a pocket model; raises `ValueError` if it cannot be one."""
    if isinstance(member, ServerMember):
        return member
    if str(member) in MEMBERS:
        return check_frozen(str(member))
    if str(member).startswith(POCKET):
        raise ValueError(f"no pocket model is called {member!r}; there are {', '.join(MEMBERS)}")
    if not is_on_hub(member):
        check_folder(member)
    return member


def names_of(members: Sequence[Member]) -> list[str]:
    """By which tokens say who chose them, and routers know members; of a folder not where it lies."""
    return [one.model if isinstance(one, ServerMember) else Path(one).name for one in members]


def check_server(method: str, step: "Step", member: ServerMember) -> None:
    """Raise `ValueError` for what a server that names its likeliest tokens cannot do."""
    server = member.upstream
    if step.needs == "whole":
        raise ValueError(
            f"fusion method {method!r} needs what a model thinks of all its tokens, and server {server.name!r} names "
            "the likeliest; give a folder, or choose a method that needs no more, see docs/fusion.md"
        )
    if step.needs == "scores" and server.capabilities.prompt_logprobs is False:
        raise ValueError(
            f"fusion method {method!r} needs scores of texts, and server {server.name!r} has no prompt_logprobs; give "
            "a folder, or choose a method that needs none, see docs/fusion.md"
        )
    if step.top > member.top:
        raise ValueError(
            f"fusion method {method!r} looks at {step.top} tokens of each model, and server {server.name!r} is asked "
            f"for {member.top}; lower k, or raise top if the server gives more"
        )


def room_of(member: Member) -> int | None:
    """The most tokens of prompt and completion together; None if nobody says."""
    if isinstance(member, ServerMember):
        return member.window or member.upstream.capabilities.context_window
    return None if is_on_hub(member) else window_of(member)
