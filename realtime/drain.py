"""The orderly end of a server process: nobody who is connected sees more of it than "come back".

No connection is accepted any more, WebSockets are closed one after the other with 1012, what was asked is answered, and
HTTP connections end with the answer that they wait for. Who never finishes is left behind at a fixed time.

daphne leaves its end to Twisted (django/daphne#38), which drops sockets without a close frame (seen on daphne 4.2.3).
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from realtime.connections import connections

logger = logging.getLogger(__name__)

# After the WebSockets' time, one after the other: for requests in flight, for connections that are being closed, and
# for what worker threads do. A supervisor's patience is often ten seconds in all.
REQUESTS_S = 2.0
CLOSING_S = 1.5
THREADS_S = 0.5

LOOK_INTERVAL_S = 0.05


async def drain(server: Any) -> None:
    """End `server`, a `realtime.daphne.Server`, and with it the process."""
    within_s = settings.REALTIME_DRAIN_S
    logger.info("ending: %d WebSockets leave within %g s", len(connections), within_s)
    started_at = asyncio.get_running_loop().time()
    _exit_at_last(within_s + REQUESTS_S + CLOSING_S + THREADS_S)
    for port in server.ports:
        _stop_accepting(port)
    for channel in list(server.channels.values()):
        channel.answer_and_close()
    await connections.drain(within_s)
    await _until(
        lambda: not server.sockets and all(channel.idle for channel in server.channels.values()),
        started_at + within_s + REQUESTS_S,
    )
    for channel in list(server.channels.values()):
        channel.loseConnection()
    await _until(lambda: not server.sockets and not server.channels, asyncio.get_running_loop().time() + CLOSING_S)
    if left := len(server.sockets) + len(server.channels):
        logger.warning("left %d connections behind", left)
    server.stop()


def _stop_accepting(port: Any) -> None:
    """Close a listening port after accepting all that have connected: the system would reset those."""
    accepted = -1
    while accepted != port.sessionno:
        accepted = port.sessionno
        port.doRead()
    port.stopReading()
    port.connectionLost(Failure(CONNECTION_DONE))  # type: ignore[no-untyped-call]


async def _until(condition: Callable[[], bool], by: float) -> None:
    while not condition() and asyncio.get_running_loop().time() < by:  # noqa: ASYNC110  (falling idle is no event)
        await asyncio.sleep(LOOK_INTERVAL_S)


def _exit_at_last(after_s: float) -> None:
    """Python waits for its worker threads, and one of them may wait for a locked row."""
    last = threading.Timer(after_s, os._exit, (0,))
    last.daemon = True
    last.start()
