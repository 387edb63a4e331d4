"""`python -m tests.hostile.watched`: the server as operators run it, with a window to its inside for tests."""

# isort: off
import config.server  # first: it installs the reactor

# isort: on
import asyncio
import ctypes
import gc
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar, cast

import daphne.server
from daphne.http_protocol import WebRequest
from twisted.internet import tcp

from chat.drill.parts.ports import LOOPBACK
from realtime import protocols
from realtime.consumer import Consumer
from realtime.daphne import DirectWriter, Server
from realtime.feed import Feed, PassingFeed
from realtime.hub import Hub
from tests.hostile.inside import PORT_VARIABLE, Inside

T = TypeVar("T")
NARROW_BYTES = 32 * 1024
LINGER_S = 0.2

_libc = ctypes.CDLL(None)


class HastyReactor:
    """daphne looks once a second for what has ended; here it does ten times as often, so that no test waits for it."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def callLater(self, delay: float, work: Callable[[], None]) -> Any:  # noqa: N802
        return self._reactor.callLater(delay / 10, work)


class NarrowServer(config.server.TodokuServer):
    """Has the system keep little of what peers send and don't read, so that it soon is the server's to keep."""

    def listen_success(self, port: Any) -> None:
        port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW_BYTES)
        port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
        super().listen_success(port)


def count() -> Inside:
    """Collect the garbage, give what the allocator has kept for later back to the system, and count the rest."""
    while gc.collect():
        pass
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
    alive = gc.get_objects()
    transports = [each for each in _of(alive, tcp.Server) if each.connected]
    return Inside(
        tasks=len(asyncio.all_tasks()),
        consumers=len(_of(alive, Consumer)),
        feeds=len(_of(alive, Feed)) + len(_of(alive, PassingFeed)),
        topics=sum(len(hub._topics) for hub in _of(alive, Hub)),
        requests=sum(len(server.connections) for server in _of(alive, Server)),
        connections=len(transports),
        queued=sum(queue.qsize() for queue in _of(alive, asyncio.Queue)),
        unsent_bytes=sum(len(each.dataBuffer) - each.offset + each._tempDataLen for each in transports),
        work=sum(pool._work_queue.qsize() for pool in _of(alive, ThreadPoolExecutor)),
    )


def _of(objects: Iterable[object], kind: type[T]) -> list[T]:
    # By `type`, for `isinstance` would wake what is lazy.
    return [cast("T", each) for each in objects if issubclass(type(each), kind)]


def held() -> dict[str, int]:
    """What there is of connections, garbage included, by its type; none is collected from now on."""
    if gc.isenabled():
        gc.collect()
        gc.disable()
    alive = gc.get_objects()
    kinds = (tcp.Server, protocols.Channel, WebRequest, protocols.WebSocket, DirectWriter, Consumer)
    found = {kind.__name__: len(_of(alive, kind)) for kind in kinds}
    alive.clear()  # it holds the cell that holds it
    return found


WINDOW: dict[bytes, Callable[[], object]] = {
    b"inside": lambda: asdict(count()),
    b"cpu": time.process_time,
    b"held": held,
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line with one."""
    while what := (await reader.readline()).strip():
        writer.write(json.dumps(WINDOW[what]()).encode() + b"\n")
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    config.server.TodokuServer = NarrowServer  # type: ignore[misc]
    protocols.LINGER_S = LINGER_S
    daphne.server.reactor = HastyReactor(daphne.server.reactor)
    opening = config.server._loop.create_task(asyncio.start_server(answer, LOOPBACK, int(os.environ[PORT_VARIABLE])))
    sys.exit(config.server.main())
