"""Which pages may use a visitor's cookie on a WebSocket: those of the own host, and those that are named."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings


def is_trusted(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the handshake's Origin is this host or one of CSRF_TRUSTED_ORIGINS.

    Browsers always send it (RFC 6455, 10.2); without one the cookie counts for nothing.
    """
    origin = headers.get(b"origin", b"").decode("latin1").lower()
    host = headers.get(b"host", b"").decode("latin1").lower()
    if not origin or not host:
        return False
    if origin in (trusted.lower() for trusted in settings.CSRF_TRUSTED_ORIGINS):
        return True
    return urlsplit(origin).netloc == host
