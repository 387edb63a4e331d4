"""A network between one browser and a server that a test can damage."""

import asyncio
import enum
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from chat.drill.parts.ports import LOOPBACK, free_port

CHUNK_BYTES = 65_536

T = TypeVar("T")


class Weather(enum.Enum):
    """What the network does with what passes."""

    FINE = "everything passes"
    CUT = "connections are reset, new ones refused"
    STALLED = "connections stay open and nothing passes: a half-open socket"
    DEAF = "requests reach the server, its answers are lost"


class Proxy:
    """A TCP proxy on a port of its own, in front of one server.

    Runs its own event loop in a thread, so a test may use it from synchronous code.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = free_port()
        self._weather = Weather.FINE
        self._listener: asyncio.Server | None = None
        self._transports: set[asyncio.Transport | asyncio.WriteTransport] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy:{self.port}", daemon=True)
        self._thread.start()
        self._run(self._listen)

    @property
    def url(self) -> str:
        """Where a browser finds the server through this network."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where a client finds graphql-transport-ws through this network."""
        return f"ws://{LOOPBACK}:{self.port}/graphql"

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return len(self._transports) // 2

    def cut(self) -> None:
        """Reset every connection and refuse new ones until `restore()`."""
        self._run(lambda: self._change(Weather.CUT))

    def reset_connections(self) -> None:
        """Reset every connection once; new ones pass."""
        self._run(self._reset)

    def stall(self) -> None:
        """Swallow all bytes in both directions while connections stay open, until `restore()`."""
        self._run(lambda: self._change(Weather.STALLED))

    def lose_answers(self) -> None:
        """Let requests through and swallow what the server answers, until `restore()`."""
        self._run(lambda: self._change(Weather.DEAF))

    def restore(self) -> None:
        """Let everything pass again. Connections that lost bytes are reset: they could only go on garbled."""
        self._run(lambda: self._change(Weather.FINE))

    def close(self) -> None:
        """Stop the proxy for good."""
        self._run(lambda: self._change(Weather.CUT))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(timeout=10)

    async def _change(self, weather: Weather) -> None:
        previous, self._weather = self._weather, weather
        if weather is Weather.CUT and self._listener is not None:
            self._listener.close()
            self._listener = None
        if weather is Weather.CUT or previous in {Weather.STALLED, Weather.DEAF}:
            await self._reset()
        if weather is not Weather.CUT and self._listener is None:
            await self._listen()

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._pass_on, LOOPBACK, self.port)

    async def _reset(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    async def _pass_on(self, near: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        try:
            far, far_writer = await asyncio.open_connection(LOOPBACK, self.target_port)
        except OSError:
            near_writer.transport.abort()
            return
        both = {near_writer.transport, far_writer.transport}
        self._transports |= both
        try:
            await asyncio.gather(
                self._pump(near, far_writer, lost_in={Weather.STALLED}),
                self._pump(far, near_writer, lost_in={Weather.STALLED, Weather.DEAF}),
            )
        except OSError:
            pass  # One side went away; the other follows below.
        finally:
            self._transports -= both
            for transport in both:
                transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, lost_in: set[Weather]) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            if self._weather in lost_in:
                continue
            sink.write(chunk)
            await sink.drain()
        if self._weather not in lost_in and sink.can_write_eof():
            sink.write_eof()
