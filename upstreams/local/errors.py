"""What can go wrong with a local model, beyond what can with any upstream."""

from anabranch.upstreams.errors import UpstreamError


class NotLoaded(UpstreamError):
    """The model could not be loaded when it was first needed."""

    way_out = "repair the folder; `start` loads before the first call"
