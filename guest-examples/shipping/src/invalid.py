"""What is wrong with a request."""


class Invalid(Exception):
    """The message names the field and is meant for the sender of the request."""
