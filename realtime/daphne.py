"""daphne with what Todoku needs of it: bounded writes straight to the socket, and all close codes.

This, `protocols` and `drain` alone use internals of daphne, autobahn and Twisted; `tests/realtime/test_daphne.py` pins
what they rely on. A consumer that is served by something else falls back to ordinary ASGI sends.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import daphne.http_protocol
import daphne.server
import daphne.ws_protocol
from autobahn.websocket.protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from realtime.closing import CloseCode
from realtime.consumer import WRITER_EXTENSION
from realtime.drain import drain
from realtime.protocols import LINGER_S, Channel, Inbound, WebSocket, unsent

logger = logging.getLogger(__name__)

MAX_REASON_BYTES = 123
TIMEOUT_LOOK_INTERVAL_S = 5.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@lru_cache(maxsize=1_000)
def frame_head(length: int) -> bytes:
    """The head of an unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


def _nobody() -> None:
    """Nobody has to hear of it."""


@implementer(IPushProducer)
class DirectWriter:
    """Writes frames at once, in the caller's turn, and knows how much the peer hasn't taken.

    Twisted's own `write` waits for the reactor: with a thousand connections that is a thousand wake-ups per event. And
    daphne keeps whatever a slow reader doesn't take (django/daphne#170).
    """

    __slots__ = ("_clear", "_protocol", "_room", "_send", "_stall_timer", "_stalled", "_transport")

    def __init__(self, protocol: Any, stalled: Callable[[], None]) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        # On the socket itself: what Twisted has around it costs as much as Todoku's whole part in a delivery.
        # There is none where the peer has gone already; then it never becomes clear.
        self._send: Any = getattr(getattr(protocol.transport, "socket", None), "send", None)
        self._stalled = stalled
        self._room = asyncio.Event()
        self._room.set()
        self._stall_timer: asyncio.TimerHandle | None = None
        self._clear = False  # nothing waits in Twisted's buffer, and nobody closes
        protocol.writer = self
        self._transport.unregisterProducer()  # the HTTP channel that the connection began as
        self._transport.registerProducer(self, True)
        self.overtaken()

    @property
    def has_room(self) -> bool:
        return self._room.is_set()

    @property
    def waiting(self) -> int:
        """Bytes that the socket hasn't taken yet."""
        return unsent(self._transport)

    def send(self, *text: bytes) -> bool:
        frame = b"".join((frame_head(sum(map(len, text))), *text))
        if self._clear:
            try:
                written = self._send(frame)
            except BlockingIOError:
                written = 0
            except OSError:
                self._transport.loseConnection()
                return True
            if written == len(frame):
                return True
            frame = frame[written:]
        elif self._protocol.state != WebSocketProtocol.STATE_OPEN or not self._transport.connected:
            return True  # it is closing: the consumer will hear of it
        self._transport.write(frame)
        self.overtaken()
        return self._room.is_set()

    def overtaken(self) -> None:
        """Something has been written through Twisted, by autobahn maybe: what comes next has to wait behind it."""
        self._clear = not self.waiting and self._is_open
        self._transport.producerPaused = not self._clear  # then it says when all is written
        self._measure()

    @property
    def _is_open(self) -> bool:
        state, transport = self._protocol.state, self._transport
        return state == WebSocketProtocol.STATE_OPEN and transport.connected and not transport.disconnecting

    def _measure(self) -> None:
        """Past the bound nothing more is read either: what is asked would only be answered into the same buffer."""
        if self._room.is_set() and self.waiting > settings.REALTIME_OUTBOUND_BYTES:
            self._room.clear()
            self._protocol.hold(self)
            loop = asyncio.get_running_loop()
            self._stall_timer = loop.call_later(settings.REALTIME_STALL_TIMEOUT_S, self._give_up)

    async def drained(self) -> None:
        await self._room.wait()

    def stop(self) -> None:
        self._cancel_timer()
        self._stalled = _nobody
        self._room.set()

    def _give_up(self) -> None:
        """The peer has read too little for too long; its close frame stands behind what it doesn't read."""
        self._stalled()
        asyncio.get_running_loop().call_later(LINGER_S, self._transport.abortConnection)

    def _cancel_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    # IPushProducer: Twisted calls these when its buffer has grown, and when it is empty again.

    def pauseProducing(self) -> None:  # noqa: N802
        """The bound is ours, not Twisted's."""

    def resumeProducing(self) -> None:  # noqa: N802
        self._clear = self._is_open
        self._cancel_timer()
        self._room.set()
        self._protocol.release(self)

    def stopProducing(self) -> None:  # noqa: N802
        self.stop()


class SteadyTime:
    """What daphne takes for the `time` module: it measures with the wall clock, and that one may be set."""

    time = staticmethod(time.monotonic)


for module in (daphne.server, daphne.http_protocol, daphne.ws_protocol):
    module.time = SteadyTime


class Server(daphne.server.Server):
    """daphne's server with a writer in each WebSocket's scope, closes that reach the wire as they were meant, and an
    orderly end: the first SIGTERM or SIGINT drains it, the next one kills it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, signal_handlers=False, ready_callable=self._ready, **options)
        self.connections: dict[Any, dict[str, Any]] = {}
        self.ports: list[Any] = []
        self.channels: dict[Any, Channel] = {}  # by TCP connection; one that becomes a WebSocket moves to `sockets`
        self.sockets: set[Any] = set()
        self._drain: asyncio.Task[None] | None = None

    def _ready(self) -> None:
        """The factories are made, the event loop doesn't run yet."""
        self.http_factory.protocol = Channel
        self.http_factory.timeOut = settings.REALTIME_REQUEST_TIMEOUT_S
        self.ws_factory.protocol = WebSocket
        for number in SIGNALS:
            asyncio.get_event_loop().add_signal_handler(number, self.drain)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self.ports.append(port)

    def drain(self) -> None:
        """Begin to end; another signal ends the process at once."""
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        self._drain = asyncio.ensure_future(drain(self))

    # daphne looks at all connections once a second, for those that are over. Here each says so itself: with thousands
    # of idle ones that look was a sixth of what they cost.

    def application_checker(self) -> None:
        """Nothing needs to be looked for."""

    def protocol_disconnected(self, protocol: Any) -> None:
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            return
        super().protocol_disconnected(protocol)
        if "application_instance" in details:
            limit_s = self.application_close_timeout
            details["patience"] = asyncio.get_running_loop().call_later(limit_s, self._cut_short, protocol)
        self._forget_if_over(protocol)

    def _application_ended(self, protocol: Any, application: "asyncio.Future[None]") -> None:
        details = self.connections.get(protocol)
        if details is None:
            return
        del details["application_instance"]
        if "patience" in details:
            details["patience"].cancel()
        error = None if application.cancelled() else application.exception()
        if error is not None:
            logger.error("an application failed", exc_info=error)
            if "disconnected" not in details:
                protocol.handle_exception(error)
        self._forget_if_over(protocol)

    def _cut_short(self, protocol: Any) -> None:
        """Its peer has long gone."""
        if application := self.connections.get(protocol, {}).get("application_instance"):
            logger.warning("an application has not ended in %g s without its peer", self.application_close_timeout)
            application.cancel()

    def _forget_if_over(self, protocol: Any) -> None:
        details = self.connections.get(protocol)
        if details is not None and "disconnected" in details and "application_instance" not in details:
            del self.connections[protocol]
            if isinstance(protocol, WebSocket):
                asyncio.get_running_loop().call_soon(protocol.let_go)

    def timeout_checker(self) -> None:
        """As daphne's, less often: what it looks for is older than tens of seconds."""
        asyncio.get_running_loop().call_later(TIMEOUT_LOOK_INTERVAL_S, self.timeout_checker)
        for protocol in list(self.connections):
            protocol.check_timeouts()

    def kill_all_applications(self) -> Any:
        """daphne's raises KeyError for a connection that is between two requests (seen on 4.2.3)."""
        self.connections = {one: has for one, has in self.connections.items() if "application_instance" in has}
        return super().kill_all_applications()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """daphne's, with a bounded queue, which it has no way to be given."""
        if protocol not in self.connections:
            return None  # its peer has gone already
        inbound = self._start_application(protocol, scope)
        ended = partial(self._application_ended, protocol)
        self.connections[protocol]["application_instance"].add_done_callback(ended)
        return inbound

    def _start_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] != "websocket" or not isinstance(protocol.transport, tcp.Connection):
            return super().create_application(protocol, scope)
        make_writer = partial(DirectWriter, protocol)
        scope["asgi"] = {"version": "3.0"}
        scope["extensions"] = {**scope.get("extensions", {}), WRITER_EXTENSION: make_writer}
        inbound = Inbound(protocol)
        running = self.application(scope=scope, receive=inbound.get, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(running)
        return inbound

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """autobahn's `sendClose` refuses 1012 and 1013 (crossbario/autobahn-python#1642, django/daphne#374), and daphne
        drops the reason (seen on 4.2.3)."""
        state = getattr(protocol, "state", None)
        if message["type"] == "websocket.close" and state in (
            WebSocketProtocol.STATE_CLOSING,
            WebSocketProtocol.STATE_CLOSED,
        ):
            return  # the peer was first
        opened = state == WebSocketProtocol.STATE_OPEN
        if message["type"] == "websocket.close" and opened and hasattr(protocol, "sendCloseFrame"):
            reason = (message.get("reason") or "").encode("ascii", "replace")[:MAX_REASON_BYTES]
            protocol.sendCloseFrame(code=message.get("code") or CloseCode.TRY_AGAIN_LATER, reasonUtf8=reason or None)
            return
        await super().handle_reply(protocol, message)
