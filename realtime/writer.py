"""The outbound side of a connection: bounded, and true about when it is full."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from django.conf import settings


class Writer(Protocol):
    """Takes text frames in order. What it has taken and the peer hasn't read is bounded by its callers."""

    @property
    def has_room(self) -> bool: ...

    def send(self, *text: bytes) -> bool:
        """Take one frame, given in parts. False: more than the bound is waiting; send no more than what must be said
        until drained."""
        ...

    async def drained(self) -> None:
        """Wait until there is room again."""
        ...

    def stop(self) -> None: ...


class AsgiWriter:
    """Ordinary ASGI sends, one at a time, from a queue that counts its bytes.

    Back-pressure is what the server's `send` makes of it: one that returns before the peer has read (daphne's) bounds
    nothing; `realtime.daphne` has a writer for that one.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._bound: int = settings.REALTIME_OUTBOUND_BYTES
        self._room = asyncio.Event()
        self._room.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        return self._room.is_set()

    def send(self, *text: bytes) -> bool:
        frame = b"".join(text)
        self._waiting.append(frame)
        self._bytes += len(frame)
        if self._bytes > self._bound:
            self._room.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._flush())
        return self._room.is_set()

    async def drained(self) -> None:
        await self._room.wait()

    async def flushed(self) -> None:
        """Wait until all that was taken has been handed over, so that a close comes after it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _flush(self) -> None:
        while self._waiting:
            text = self._waiting.popleft()
            await self._send({"type": "websocket.send", "text": text.decode()})
            self._bytes -= len(text)
            if self._bytes <= self._bound // 2:
                self._room.set()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._waiting.clear()
        self._room.set()


class Outlet:
    """One subscription's end of a connection: wraps payloads into protocol messages with the operation's id."""

    __slots__ = ("_ended", "_head", "_next", "writer")

    def __init__(self, writer: Writer, operation_id: str, ended: Callable[[], object]) -> None:
        self.writer = writer
        self._head = b'{"id":' + json.dumps(operation_id).encode()
        self._next = self._head + b',"type":"next","payload":'
        self._ended = ended

    def next(self, payload: bytes) -> bool:
        return self.writer.send(self._next, payload, b"}")

    def complete(self) -> bool:
        self._ended()
        return self.writer.send(b'%b,"type":"complete"}' % self._head)

    def error(self, errors: bytes) -> bool:
        self._ended()
        return self.writer.send(b'%b,"type":"error","payload":%b}' % (self._head, errors))
