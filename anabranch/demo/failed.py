"""A stage of the demonstration that did not do what it should."""


class DemoFailed(ValueError):
    """What failed, and where to look."""
