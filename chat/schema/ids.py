"""Ids as clients spell them. What spells no id names nothing: it is answered like an id of nothing."""

import uuid

from chat.reasons import Reason
from chat.schema.scalars import uuid_in
from realtime.errors import NotFound

_MAX_KEY = 2**63 - 1
_MAX_KEY_DIGITS = len(str(_MAX_KEY))


def key_in(text: str) -> int | None:
    """The key of a room or person that `text` spells in decimal; None where it spells none."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_KEY_DIGITS):
        return None
    key = int(text)
    return key if key <= _MAX_KEY else None


def room_key(text: str, *, field: str = "roomId") -> int:
    """Read a room's id.

    Raises:
        NotFound: no room can have it.
    """
    if (key := key_in(text)) is None:
        raise NotFound("there is no such room, or you may not read it", reason=Reason.ROOM_UNKNOWN, field=field)
    return key


def person_key(text: str, *, field: str = "userId") -> int:
    """Read a person's id.

    Raises:
        NotFound: nobody can have it.
    """
    if (key := key_in(text)) is None:
        raise NotFound("there is no such person", reason=Reason.PERSON_UNKNOWN, field=field)
    return key


def message_key(text: str, *, field: str = "messageId") -> uuid.UUID:
    """Read a message's id.

    Raises:
        NotFound: no message can have it.
    """
    if (key := uuid_in(text)) is None:
        raise NotFound("there is no such message, or you may not read it", reason=Reason.MESSAGE_UNKNOWN, field=field)
    return key


def is_storable(text: str) -> bool:
    """Whether every database can hold `text`: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
