"""What can go wrong with a local model, beyond what can with any upstream."""

from anabranch.upstreams.errors import BadReply, UpstreamError


class EmptyAnswer(BadReply):
    """The model ended its answer at once; a greedy one would do so again, so that it is not asked again."""

    retryable = False
    way_out = "ask it otherwise, raise the temperature, or fall back to another upstream"


class NotLoaded(UpstreamError):
    """The model could not be loaded when it was first needed."""

    way_out = "repair the folder; `start` loads before the first call"
