"""What can go wrong with a local model, beyond what can with any upstream."""

from anabranch.upstreams.errors import BadReply, UpstreamError


class NotLoaded(UpstreamError):
    """The model could not be loaded when it was first needed."""

    way_out = "repair the folder; `start` loads before the first call"


class NotSaid(BadReply):
    """A server does not say of tokens what models that write together need; asked again, it would not either."""

    retryable = False
    way_out = "name a server of OpenAI's completions that gives such log-probabilities, see docs/fusion.md"
