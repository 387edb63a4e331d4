"""daphne with what Todoku needs of it: bounded writes straight to the socket, and all close codes.

The one module that uses internals of daphne, autobahn and Twisted; `tests/realtime/test_daphne.py` pins what it relies
on. A consumer that is served by something else falls back to ordinary ASGI sends.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import daphne.server
from autobahn.websocket.protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from realtime.closing import CloseCode
from realtime.consumer import WRITER_EXTENSION

ABORT_AFTER_CLOSE_S = 2.0
MAX_REASON_BYTES = 123


def frame_head(length: int) -> bytes:
    """The head of an unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


@implementer(IPushProducer)
class DirectWriter:
    """Writes frames at once, in the caller's turn, and knows how much the peer hasn't taken.

    Twisted's own `write` waits for the reactor: with a thousand connections that is a thousand wake-ups per event.
    """

    def __init__(self, protocol: Any, stalled: Callable[[], None]) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._stalled = stalled
        self._room = asyncio.Event()
        self._room.set()
        self._stall_timer: asyncio.TimerHandle | None = None
        self._transport.unregisterProducer()  # the HTTP channel that the connection began as
        self._transport.registerProducer(self, True)

    @property
    def has_room(self) -> bool:
        return self._room.is_set()

    @property
    def waiting(self) -> int:
        """Bytes that the socket hasn't taken yet."""
        transport = self._transport
        waiting: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        return waiting

    def send(self, text: bytes) -> bool:
        transport = self._transport
        if self._protocol.state != WebSocketProtocol.STATE_OPEN or not transport.connected:
            return True  # it is closing: the consumer will hear of it
        frame = frame_head(len(text)) + text
        if self.waiting or transport.disconnecting:
            transport.write(frame)
        else:
            written = transport.writeSomeData(frame)
            if not isinstance(written, int):
                transport.loseConnection()
            elif written < len(frame):
                transport.write(frame[written:])
        if self._room.is_set() and self.waiting > settings.REALTIME_OUTBOUND_BYTES:
            self._room.clear()
            transport.producerPaused = True  # it resumes only whom it has paused, and its own bound may be higher
            loop = asyncio.get_running_loop()
            self._stall_timer = loop.call_later(settings.REALTIME_STALL_TIMEOUT_S, self._give_up)
        return self._room.is_set()

    async def drained(self) -> None:
        await self._room.wait()

    def stop(self) -> None:
        self._cancel_timer()
        self._room.set()

    def _give_up(self) -> None:
        """The peer has read too little for too long; its close frame stands behind what it doesn't read."""
        self._stalled()
        asyncio.get_running_loop().call_later(ABORT_AFTER_CLOSE_S, self._transport.abortConnection)

    def _cancel_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    # IPushProducer: Twisted calls these when its buffer has grown, and when it is empty again.

    def pauseProducing(self) -> None:  # noqa: N802
        """The bound is ours, not Twisted's."""

    def resumeProducing(self) -> None:  # noqa: N802
        self._cancel_timer()
        self._room.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.stop()


class Server(daphne.server.Server):
    """daphne's server with a writer in each WebSocket's scope, and closes that reach the wire as they were meant."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            # Say what was wrong with a frame (1002, 1007, 1009) instead of dropping the connection, as is its default:
            # to a dropped client the network failed, and it would come back with the same frame for ever.
            protocol.failByDrop = False
        if scope["type"] == "websocket" and isinstance(protocol.transport, tcp.Connection):
            make_writer = partial(DirectWriter, protocol)
            scope["extensions"] = {**scope.get("extensions", {}), WRITER_EXTENSION: make_writer}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """autobahn's `sendClose` refuses 1012 and 1013, and daphne drops the reason (seen on 4.2.3)."""
        opened = getattr(protocol, "state", None) == WebSocketProtocol.STATE_OPEN
        if message["type"] == "websocket.close" and opened and hasattr(protocol, "sendCloseFrame"):
            reason = (message.get("reason") or "").encode("ascii", "replace")[:MAX_REASON_BYTES]
            protocol.sendCloseFrame(code=message.get("code") or CloseCode.TRY_AGAIN_LATER, reasonUtf8=reason or None)
            return
        await super().handle_reply(protocol, message)
