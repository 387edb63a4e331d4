"""A process full of WebSockets that note when each message came."""

import asyncio
import gc
import socket
import time
from array import array
from dataclasses import dataclass

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chat.loadtest.wire import AFTER, DIGITS, SENT_AT, Socket

HANDSHAKE_LIMIT_S = 30.0
_CURSOR = b'"cursor":"'
_SKIPPED = len(SENT_AT)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the listeners of a process have heard since they were last told to forget.

    Args:
        latencies_ns: from each send to each arrival, in the order of arrival.
        last_at_ns: when the last one came, by the monotonic clock.
    """

    latencies_ns: "array[int]"
    last_at_ns: int


class Listeners:
    """Answers the calls of the process that has started this one (`worker.serve`)."""

    def __init__(self) -> None:
        self.latencies_ns = array("q")
        self.last_at_ns = 0
        self._listeners: list[_Listener] = []

    async def connect(self, sockets: list[Socket], at_once: int) -> None:
        """Open more sockets, so many at the same time, and return when all are in place."""
        added = [_Listener(self, socket) for socket in sockets]
        self._listeners += added
        await _each(added, at_once)
        gc.collect()
        gc.freeze()

    async def forget(self) -> None:
        self.latencies_ns = array("q")
        self.last_at_ns = 0

    async def count(self) -> int:
        """How many messages have come in all."""
        return len(self.latencies_ns)

    async def heard(self) -> Heard:
        return Heard(self.latencies_ns, self.last_at_ns)

    async def lost(self) -> list[str]:
        """Why connections have ended that nobody has cut."""
        return [listener.end for listener in self._listeners if listener.end is not None]

    async def cut(self) -> None:
        """Break all connections."""
        for listener in self._listeners:
            listener.cut()

    async def come_back(self, at_once: int) -> "array[int]":
        """Connect all again, each after the last that it has heard: how long each took to be in place, in ns."""
        began = time.monotonic_ns()
        await _each(self._listeners, at_once)
        return array("q", [listener.in_place_at_ns - began for listener in self._listeners])

    async def close(self) -> None:
        await self.cut()

    async def stop_reading(self, count: int) -> None:
        """Let the first few take nothing more of what they are sent."""
        for listener in self._listeners[:count]:
            listener.stop_reading()


async def _each(listeners: "list[_Listener]", at_once: int) -> None:
    turns = asyncio.Semaphore(at_once)

    async def one(listener: _Listener) -> None:
        async with turns:
            await asyncio.wait_for(listener.connect(), HANDSHAKE_LIMIT_S)

    await asyncio.gather(*map(one, listeners))


class _Listener(WSListener):
    def __init__(self, crowd: Listeners, socket: Socket) -> None:
        self.in_place_at_ns = 0
        self.end: str | None = None
        self._crowd = crowd
        self._socket = socket
        self._transport: WSTransport | None = None
        self._last = b""
        self._awaited: bytes | None = None
        self._answered = asyncio.Event()

    async def connect(self) -> None:
        headers = {"Sec-WebSocket-Protocol": self._socket.subprotocol} if self._socket.subprotocol else None
        self.end = None
        after = self._after()
        self._transport, _ = await ws_connect(
            lambda: self,
            self._socket.url,
            extra_headers=headers,
            websocket_handshake_timeout=HANDSHAKE_LIMIT_S,
            socket_factory=self._narrow if self._socket.receive_bytes else None,
        )
        for line in self._socket.lines:
            self._awaited = line.answer
            self._answered.clear()
            self._transport.send(WSMsgType.TEXT, line.text.replace(AFTER, after))
            await self._answered.wait()
            if self.end is not None:
                raise ConnectionError(f"{self._socket.url} has ended the connection: {self.end}")
        self.in_place_at_ns = time.monotonic_ns()

    def _narrow(self, _url: object) -> socket.socket:
        narrow = socket.socket()
        narrow.setblocking(False)
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._socket.receive_bytes or 0)
        return narrow

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def stop_reading(self) -> None:
        if self._transport is not None:
            self._transport.underlying_transport.pause_reading()

    def _after(self) -> bytes:
        begin = self._last.find(_CURSOR)
        if begin < 0:
            return b"null"
        begin += len(_CURSOR) - 1
        return self._last[begin : self._last.index(b'"', begin + 1) + 1]

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.end = f"{frame.get_close_code()} {(frame.get_close_message() or b'').decode()}"
            self._answered.set()
            transport.disconnect()
            return
        text = self._last = frame.get_payload_as_bytes()
        found = text.find(SENT_AT)
        if found >= 0:
            crowd = self._crowd
            now = crowd.last_at_ns = time.monotonic_ns()
            crowd.latencies_ns.append(now - int(text[found + _SKIPPED : found + _SKIPPED + DIGITS]))
        elif self._awaited is not None and self._awaited in text:
            self._awaited = None
            self._answered.set()
        elif b'"type":"error"' in text:
            self.end = text.decode()
            self._answered.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.end is None:
            self.end = "without a close"
        self._answered.set()
