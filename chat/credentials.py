"""Names of what a connection was let in by: what ends such a credential ends its connections, by this name."""

import hashlib

_SESSION_MARK = "s:"
_KEY_MARK = "t:"
_DIGEST_CHARS = 32


def credential_of_session(session_key: str) -> str:
    """The name of a cookie session: it tells nothing of the key, so it may be logged and stored in events."""
    return _SESSION_MARK + hashlib.sha256(session_key.encode()).hexdigest()[:_DIGEST_CHARS]


def credential_of_token(token_id: int) -> str:
    """The name of the API token with this primary key."""
    return f"{_KEY_MARK}{token_id}"


def token_of_credential(credential: str) -> int | None:
    """The primary key of the API token that `credential` names; None where it names something else."""
    digits = credential.removeprefix(_KEY_MARK)
    return int(digits) if credential.startswith(_KEY_MARK) and digits.isdecimal() else None
