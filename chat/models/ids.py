import secrets


def random_id() -> int:
    """A positive 63-bit key that says nothing about how many there are."""
    return secrets.randbits(63) | 1
