"""The end of a TCP connection that lets what was said last arrive.

Closing a socket that still has unread data in it sends a reset, and a reset destroys what the peer hasn't read yet (RFC
9112, 9.6). So only our own direction is closed first, and the peer gets a moment in which to close its own.
"""

import asyncio
from typing import Any

LINGER_S = 2.0


def linger(transport: Any) -> None:
    """Close our direction of a Twisted TCP connection once all is written; what comes in has to be discarded."""
    if not transport.connected:
        return
    transport.loseWriteConnection()
    transport.startReading()
    asyncio.get_running_loop().call_later(LINGER_S, finish, transport)


def finish(transport: Any) -> None:
    """Close the connection now: in good order, unless the peer doesn't even take what it is sent."""
    if not transport.connected:
        return
    if transport.dataBuffer or transport._tempDataLen:
        transport.abortConnection()
    else:
        transport.loseConnection()
