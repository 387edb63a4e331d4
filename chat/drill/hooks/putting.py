"""Putting something else in the place of what the product has."""


def put(owner: object, name: str, other: object) -> None:
    """Let `owner`, a module or a class, have `other` under this name.

    Raises:
        AttributeError: it has nothing of this name: the product has changed, and the hook would do nothing.
    """
    getattr(owner, name)
    setattr(owner, name, other)
