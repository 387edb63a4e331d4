"""The orderly end of a server process: nobody who is connected sees more of it than "come back".

No connection is accepted any more, WebSockets are closed one after the other with 1012, what was asked is answered, and
HTTP connections end with the answer that they wait for. Who never finishes is left behind at a fixed time.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from realtime.connections import connections
from realtime.lingering import LINGER_S
from realtime.protocols import Channel

logger = logging.getLogger(__name__)

REQUESTS_S = 3.0  # more than the WebSockets' time that requests in flight get, as long as the last of these linger
EXIT_S = 3.0  # for what is left in worker threads


async def drain(server: Any) -> None:
    """End `server`, a `realtime.daphne.Server`, and then its reactor."""
    within_s = settings.REALTIME_DRAIN_S
    logger.info("ending: %d WebSockets leave within %g s", len(connections), within_s)
    ends_at = asyncio.get_running_loop().time() + within_s + REQUESTS_S
    _exit_at_last(within_s + REQUESTS_S + LINGER_S + EXIT_S)
    for port in server.ports:
        _stop_accepting(port)
    for channel in _channels(server):
        channel.answer_and_close()
    await connections.drain(within_s)
    await _until(server, lambda: all(_is_idle(transport) for transport in server.transports), ends_at)
    for channel in _channels(server):
        channel.loseConnection()
    await _until(server, lambda: not server.transports, asyncio.get_running_loop().time() + LINGER_S)
    if server.transports:
        logger.warning("left %d connections behind", len(server.transports))
    server.stop()


def _stop_accepting(port: Any) -> None:
    """Close a listening port after accepting all that have connected: the system would reset those."""
    accepted = -1
    while accepted != port.sessionno:
        accepted = port.sessionno
        port.doRead()
    port.stopReading()
    port.connectionLost(Failure(CONNECTION_DONE))  # type: ignore[no-untyped-call]


def _channels(server: Any) -> list[Channel]:
    """What still speaks HTTP."""
    return [one.protocol for one in server.transports if isinstance(one.protocol, Channel)]


def _is_idle(transport: Any) -> bool:
    return isinstance(transport.protocol, Channel) and transport.protocol.idle


async def _until(server: Any, condition: Callable[[], bool], ends_at: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at):
            while not condition():
                server.left.clear()
                await server.left.wait()


def _exit_at_last(after_s: float) -> None:
    """Python waits for its worker threads, and one of them may wait for a locked row."""
    last = threading.Timer(after_s, os._exit, (0,))
    last.daemon = True
    last.start()
