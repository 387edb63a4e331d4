"""daphne's two protocols, with bounds and orderly ends: one HTTP connection, and the WebSocket that it may become.

They use internals of daphne, autobahn and Twisted; `tests/realtime/test_daphne.py` pins what they rely on.
"""

import asyncio
from functools import partial
from typing import Any

import autobahn.websocket.protocol
from autobahn.websocket.protocol import WebSocketProtocol
from autobahn.websocket.types import ConnectionDeny
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol as DaphneWebSocket
from django.conf import settings
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from realtime.connections import connections

# autobahn formats all its settings with each connection, for a log that nobody keeps.
vars(autobahn.websocket.protocol)["pformat"] = lambda _: "not formatted"

MAX_QUEUED_FRAMES = 64
MAX_FRAMES_AT_ONCE = 500  # then it is the others' turn: 64 kB of the smallest frames took 0.2 s
LINGER_S = 1.0  # for a peer to close its side, and to say what it was about to say

HTTPChannel: Any = http.HTTPChannel  # its methods have no types

# Twisted would read a form in the event loop, for fields that nobody asks it for; any content type cost 0.2 ms.
Request = partial(WebRequest, parsePOSTFormSubmission=False)


# --- The end of a TCP connection --------------------------------------------------------------------
#
# Closing a socket that still has unread data in it sends a reset, and a reset destroys what the peer hasn't read yet
# (RFC 9112, 9.6). So only our own direction is closed first, and the peer gets a moment in which to close its own.


def unsent(transport: Any) -> int:
    """Bytes that the socket hasn't taken yet."""
    waiting: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    return waiting


def linger(transport: Any) -> None:
    """Close our direction of a Twisted TCP connection once all is written; what comes in has to be discarded."""
    if transport.connected:
        transport.loseWriteConnection()
        transport.startReading()
        _finish_later(transport, patience_until=_patience_until())


def _finish(transport: Any, waiting: int, patience_until: float) -> None:
    """Close the connection: in good order, unless the peer takes nothing of what it is sent for too long."""
    if not transport.connected:
        return
    if not unsent(transport):
        transport.loseConnection()
    elif unsent(transport) < waiting:
        _finish_later(transport, patience_until=_patience_until())
    elif asyncio.get_running_loop().time() < patience_until:
        _finish_later(transport, patience_until=patience_until)
    else:
        transport.abortConnection()


def _finish_later(transport: Any, *, patience_until: float) -> None:
    asyncio.get_running_loop().call_later(LINGER_S, _finish, transport, unsent(transport), patience_until)


def _patience_until() -> float:
    patience_s: float = settings.REALTIME_STALL_TIMEOUT_S
    return asyncio.get_running_loop().time() + patience_s


# --- The two protocols ------------------------------------------------------------------------------


class Channel(HTTPChannel):
    """One HTTP connection. A request has to arrive whole, within the time that the connection may be idle before it."""

    def __init__(self) -> None:
        super().__init__()
        self._leaving = False
        self._asked_once = False
        self._body_bytes = 0
        self._opened_at = asyncio.get_running_loop().time()

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self.requestFactory = Request
        self.factory.server.channels[self.transport] = self

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self.factory.server.channels.pop(self.transport, None)
        super().connectionLost(reason)

    # --- Reading

    @property
    def _between_requests(self) -> bool:
        return not self.requests and not self._buffer

    @property
    def idle(self) -> bool:
        """Nothing has come that isn't answered, nor is about to come from one who has just connected."""
        new = not self._asked_once and asyncio.get_running_loop().time() < self._opened_at + LINGER_S
        return self._between_requests and not new

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._leaving:
            self._asked_once = True
            super().dataReceived(data)

    def resetTimeout(self) -> None:  # noqa: N802
        """With a request's first bytes only: Twisted starts anew with every byte, and who drips would never be late."""
        if self._between_requests:
            super().resetTimeout()

    def timeoutConnection(self) -> None:  # noqa: N802
        if self._between_requests:
            self.loseConnection()
        else:
            limit_s = settings.REALTIME_REQUEST_TIMEOUT_S
            self._refuse("408 Request Timeout", f"a request has to arrive in {limit_s:g} s (REALTIME_REQUEST_TIMEOUT)")

    def allHeadersReceived(self) -> None:  # noqa: N802
        super().allHeadersReceived()
        self._body_bytes = 0
        self._count_body(self.length or 0)  # none where it comes in chunks

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._handlingRequest and not self.length:
            self._count_body(len(data))
        if not self._leaving:
            super().rawDataReceived(data)

    def _count_body(self, size: int) -> None:
        """Twisted writes it to the disk, whatever its size."""
        self._body_bytes += size
        limit = settings.HTTP_BODY_BYTES
        if self._body_bytes > limit:
            self._refuse("413 Content Too Large", f"a request has at most {limit} bytes (HTTP_BODY_BYTES)")

    # --- Writing: a peer that doesn't take its answers is asked for no further requests, also not for those that it
    # sent together with the first, as Twisted would.

    def pauseProducing(self) -> None:  # noqa: N802
        super().pauseProducing()
        self.paused = True
        self._networkProducer.pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802
        super().resumeProducing()
        self.paused = False
        if not self._handlingRequest:
            self.dataReceived(b"")

    # --- Ending

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        persistent: bool = super().checkPersistence(request, version)
        if persistent and connections.draining:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return persistent

    def _refuse(self, status: str, why: str) -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(why)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write((head + why).encode())
        self.loseConnection()

    def answer_and_close(self) -> None:
        """Take no request after the present one."""
        if self.requests:
            self.persistent = 0
            self.requests[0].responseHeaders.setRawHeaders(b"Connection", [b"close"])

    def loseConnection(self) -> None:  # noqa: N802
        if not self._leaving:
            self._leaving = True
            self.clearLineBuffer()
            self._networkProducer.unregisterProducer()
            linger(self.transport)


class Inbound(asyncio.Queue[dict[str, Any]]):
    """What a peer has sent and its consumer hasn't taken; beyond a bound nothing more of it is read."""

    def __init__(self, socket: "WebSocket") -> None:
        super().__init__()
        self._socket = socket

    def _put(self, item: dict[str, Any]) -> None:
        super()._put(item)
        if self.qsize() >= MAX_QUEUED_FRAMES:
            self._socket.hold(self)

    def _get(self) -> dict[str, Any]:
        item = super()._get()
        if self.qsize() == MAX_QUEUED_FRAMES // 2:
            self._socket.release(self)
        return item


class WebSocket(DaphneWebSocket):
    """One WebSocket, which is read only while there is room for what comes of it."""

    # Say what was wrong with a frame (1002, 1007, 1009) instead of dropping the connection, as is autobahn's default:
    # to a dropped client the network failed, and it would come back with the same frame for ever.
    failByDrop = False  # noqa: N815
    closeHandshakeTimeout = 0  # noqa: N815  (see sendCloseFrame)

    writer: Any = None  # of `realtime.daphne`, once the connection was accepted

    def connectionMade(self) -> None:  # noqa: N802
        self._holds: set[object] = set()
        self._frames = 0
        self._leave_channel_behind()
        self.factory.server_class.sockets.add(self.transport)
        super().connectionMade()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.factory.server_class.sockets.discard(self.transport)
        super().connectionLost(reason)
        if self not in self.factory.server_class.connections:  # the handshake was none; else the server knows the end
            asyncio.get_running_loop().call_soon(self.let_go)

    # --- What refers to each other stays until garbage is collected, which stops the process: for 100 ms with 1,000
    # connections. So each lets go by itself.

    def _leave_channel_behind(self) -> None:
        channel = self.factory.server_class.channels.pop(self.transport, None)
        if channel is not None:
            channel.requests.clear()

    def let_go(self) -> None:
        """To be called when nobody has anything to do with the connection any more."""
        self.writer = None
        self.is_open = self.is_closed = None
        self.__dict__.pop("application_queue", None)

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        """daphne's logs a traceback of where it decodes this header."""
        if not request.headers.get("sec-websocket-protocol", "").isascii():
            raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, "Sec-WebSocket-Protocol has to be ASCII")  # type: ignore[no-untyped-call]
        return super().onConnect(request)

    def onClose(self, was_clean: bool, code: int, reason: str) -> None:  # noqa: N802
        if self in self.factory.server_class.connections:  # not where the handshake was no handshake: a KeyError there
            super().onClose(was_clean, code, reason)

    # --- Reading

    def hold(self, why: object) -> None:
        """Read no more from the peer until `why` is released."""
        if self.state == WebSocketProtocol.STATE_OPEN:
            self._holds.add(why)
            self.transport.pauseProducing()

    def release(self, why: object) -> None:
        if why in self._holds:
            self._holds.discard(why)
            self._go_on()

    def _go_on(self) -> None:
        if not self._holds and self.transport.connected:
            self.transport.resumeProducing()
            self.consumeData()  # what had been read already

    def processData(self) -> bool:  # noqa: N802
        if self._holds:
            return False
        self._frames += 1
        if self._frames > MAX_FRAMES_AT_ONCE and self.state == WebSocketProtocol.STATE_OPEN:
            self._frames = 0
            self.hold(self)
            asyncio.get_running_loop().call_soon(self.release, self)
            return False
        goes_on: bool = super().processData()
        return goes_on

    def onMessage(self, payload: bytes, is_binary: bool) -> None:  # noqa: N802
        if self.state == WebSocketProtocol.STATE_OPEN:  # nobody waits for it once we have closed
            super().onMessage(payload, is_binary)

    # --- Writing

    def sendData(self, *data: Any, **options: Any) -> None:  # noqa: N802
        """All that autobahn writes comes by here."""
        super().sendData(*data, **options)
        if self.writer is not None:
            self.writer.overtaken()

    # --- Pings

    def _sendAutoPing(self) -> None:  # noqa: N802
        """One at a time: at a second one autobahn forgets the first one's timer, which then cuts off who did answer."""
        if self.autoPingPending is None:
            super()._sendAutoPing()

    # --- Closing

    def sendCloseFrame(  # noqa: N802
        self,
        code: int | None = None,
        reasonUtf8: bytes | None = None,  # noqa: N803
        isReply: bool = False,  # noqa: N803
    ) -> None:
        """Read on, for the peer's answer; without one the connection ends a moment later.

        autobahn's own timer counts in whole seconds: its one second is anything from none to one.
        """
        opened = self.state == WebSocketProtocol.STATE_OPEN
        super().sendCloseFrame(code, reasonUtf8, isReply)
        self._holds.clear()
        if opened and not isReply:
            asyncio.get_running_loop().call_later(LINGER_S, self.onCloseHandshakeTimeout)
            asyncio.get_running_loop().call_soon(self._go_on)

    def _closeConnection(self, abort: bool = False) -> None:  # noqa: N802
        """autobahn's servers abort, which is a reset, also after a close frame and its answer."""
        if self.writer is not None:
            self.writer.overtaken()
        if abort and not self.wasClean and not self.wasCloseHandshakeTimeout:
            super()._closeConnection(abort)
        else:
            linger(self.transport)

    def _dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.state != WebSocketProtocol.STATE_CLOSED:
            super()._dataReceived(data)
