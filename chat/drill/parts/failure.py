"""A part that a test needs and that does not start."""


class PartFailedError(Exception):
    """The part could not start; the message says which one and why."""
