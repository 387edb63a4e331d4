"""Why a WebSocket is closed: codes of RFC 6455, of graphql-transport-ws, and of our own range."""

from enum import IntEnum


class CloseCode(IntEnum):
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429


def without_1000s(code: int) -> int:
    """The same for a server that can't send 1012 and 1013: autobahn raises on them."""
    return code + 3000 if code in (CloseCode.SERVICE_RESTART, CloseCode.TRY_AGAIN_LATER) else code
