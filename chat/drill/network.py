"""The network between clients and server processes, which a drill can damage: a TCP proxy with a port for each path."""

import asyncio
import enum
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from chat.drill.history import Record, Route
from chat.drill.parts.ports import LOOPBACK, free_port

CHUNK_BYTES = 16_384
# So little of what a client doesn't read is kept on its way that the server soon feels it.
RECEIVE_BUFFER_BYTES = 32_768
MAX_HEAD_BYTES = 16_384
SLICE_S = 0.05  # a slow path passes on what may pass in this time

Address = tuple[str, int]
Direction = Literal["up", "down"]  # up: to the server
Observe = Callable[[Record], None]


class Weather(enum.Enum):
    """What a path does with what passes."""

    FINE = "everything passes"
    CUT = "connections are reset, new ones refused"
    STALLED = "connections stay open and nothing passes: a half-open socket"
    DEAF = "requests reach the server, its answers are lost"
    UNREAD = "the client reads nothing: what the server sends stays in its buffers"


LOSSY = {Weather.STALLED, Weather.DEAF}


@dataclass(slots=True)
class Traffic:
    """What a path has seen so far, in bytes and connections."""

    up: int = 0
    down: int = 0
    swallowed: int = 0
    opened: int = 0
    refused: int = 0
    reset: int = 0


@dataclass(slots=True)
class Cut:
    """An order to reset the next WebSocket of a path once so many bytes have passed in one direction."""

    direction: Direction
    after: int
    done: bool = False


class Network:
    """Leads each new connection to the next backend in turn, or to the one after it where that refuses.

    Belongs to the event loop that it is used on.

    Args:
        observe: takes the records of where WebSockets went.
    """

    def __init__(self, backends: Sequence[Address], *, observe: Observe | None = None) -> None:
        self.backends = list(backends)
        self.paths: dict[str, Path] = {}
        self._observe = observe
        self._turn = 0

    @property
    def open_connections(self) -> int:
        return sum(path.open_connections for path in self.paths.values())

    async def open_path(self, name: str, *, port: int | None = None) -> "Path":
        """A way in of its own, on a port of its own."""
        path = Path(self, name, port or free_port())
        await path.listen()
        self.paths[name] = path
        return path

    async def close(self) -> None:
        """Reset what is open, listen no longer, and return when nothing of it runs any more."""
        for path in self.paths.values():
            await path.cut()
        if running := set[asyncio.Task[None]]().union(*(path.running for path in self.paths.values())):
            await asyncio.wait(running)

    async def connect(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a backend that takes one, and the backend's number.

        Raises:
            OSError: none does.
        """
        self._turn += 1
        for step in range(len(self.backends)):
            number = (self._turn + step) % len(self.backends)
            try:
                return (number, *await _connect(self.backends[number]))
            except OSError as error:
                refusal = error
        raise refusal

    def saw_handshake(self, path: str, backend: int) -> None:
        if self._observe is not None:
            self._observe(Route(time.monotonic(), path, backend))


class Path:
    """One client's way to the servers."""

    def __init__(self, network: Network, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.traffic = Traffic()
        self.weather = Weather.FINE
        self.bytes_per_s: int | None = None
        self.connections: dict[Connection, None] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.cuts: list[Cut] = []
        self._network = network
        self._listener: asyncio.Server | None = None
        self._changed = asyncio.Event()

    @property
    def open_connections(self) -> int:
        return len(self.connections)

    @property
    def unread_bytes(self) -> int:
        """What servers have sent and the path has not yet passed on, as far as it has arrived here."""
        return sum(connection.unread_bytes for connection in self.connections)

    async def listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, LOOPBACK, self.port, limit=CHUNK_BYTES)

    async def cut(self) -> None:
        """Reset every connection and refuse new ones until `restore()`."""
        await self._become(Weather.CUT)

    async def stall(self) -> None:
        """Swallow all bytes in both directions while connections stay open, until `restore()`."""
        await self._become(Weather.STALLED)

    async def lose_answers(self) -> None:
        """Let requests through and swallow what the servers answer, until `restore()`."""
        await self._become(Weather.DEAF)

    async def stop_reading(self) -> None:
        """Leave what the servers send where it is, until `restore()`; then all of it passes."""
        await self._become(Weather.UNREAD)

    def slow(self, bytes_per_s: int) -> None:
        """Take no more than this from the servers, until `restore()`."""
        self.bytes_per_s = bytes_per_s

    async def restore(self) -> None:
        """Let everything pass again. Connections that lost bytes are reset: they could only go on garbled."""
        self.bytes_per_s = None
        await self._become(Weather.FINE)

    def reset_connections(self) -> int:
        """Reset every connection once, and say how many; new ones pass."""
        for connection in self.connections:
            connection.reset()
        return len(self.connections)

    def cut_next_websocket(self, direction: Direction, after: int) -> Cut:
        """Reset the next WebSocket to be opened, after that many bytes of its connection in this direction."""
        cut = Cut(direction, after)
        self.cuts.append(cut)
        return cut

    def saw_handshake(self, connection: "Connection") -> None:
        self._network.saw_handshake(self.name, connection.backend)
        if self.cuts:
            connection.cuts.append(self.cuts.pop(0))

    async def until_changed(self) -> None:
        """Wait for other weather."""
        await self._changed.wait()

    async def until_read(self) -> None:
        """Wait until the client reads."""
        while self.weather is Weather.UNREAD:
            await self._changed.wait()

    async def _become(self, weather: Weather) -> None:
        previous, self.weather = self.weather, weather
        if weather is Weather.CUT and self._listener is not None:
            self._listener.close()
            self._listener = None
        if weather is Weather.CUT or previous in LOSSY:
            self.reset_connections()
        if weather is not Weather.CUT:
            await self.listen()
        self._changed.set()
        self._changed = asyncio.Event()

    def _accept(self, near: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        leading = asyncio.create_task(self._lead(near, near_writer))
        self.running.add(leading)
        leading.add_done_callback(self.running.discard)

    async def _lead(self, near: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        try:
            backend, far, far_writer = await self._network.connect()
        except OSError:
            self.traffic.refused += 1
            _reset(near_writer)
            return
        if self.weather is Weather.CUT:  # it changed while we connected
            _reset(near_writer)
            _reset(far_writer)
            return
        self.traffic.opened += 1
        connection = Connection(self, backend, near, near_writer, far, far_writer)
        self.connections[connection] = None
        try:
            await connection.run()
        finally:
            self.connections.pop(connection, None)


class Connection:
    """One TCP connection through a path, and the one to the backend behind it."""

    def __init__(
        self,
        path: Path,
        backend: int,
        near: asyncio.StreamReader,
        near_writer: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        self.backend = backend
        self.cuts: list[Cut] = []
        self._path = path
        self._near, self._near_writer = near, near_writer
        self._far, self._far_writer = far, far_writer
        self._passed = {"up": 0, "down": 0}

    @property
    def unread_bytes(self) -> int:
        opened = self._far_writer.get_extra_info("socket")
        if opened is None or self._far_writer.transport.is_closing():
            return 0
        waiting = fcntl.ioctl(opened.fileno(), termios.FIONREAD, b"\0" * 4)
        # asyncio reads ahead, and has no public word for how much.
        return int(struct.unpack("i", waiting)[0]) + len(self._far._buffer)  # type: ignore[attr-defined]

    def reset(self) -> None:
        self._path.traffic.reset += 1
        _reset(self._near_writer)
        _reset(self._far_writer)

    async def run(self) -> None:
        """Pass on what comes from both sides until both have ended."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._go_up())
                group.create_task(self._go_down())
        except* OSError:
            pass  # One side went away; the other follows.
        finally:
            _reset(self._near_writer)
            _reset(self._far_writer)

    async def _go_up(self) -> None:
        head: bytes | None = b""
        while chunk := await self._taken(self._near, lost_in={Weather.STALLED}):
            if head is not None:
                head = (head + chunk)[-MAX_HEAD_BYTES:]
                if _opens_websocket(head):
                    self._passed = {"up": 0, "down": 0}
                    self._path.saw_handshake(self)
                    head = None
            await self._pass(chunk, "up", self._far_writer, lost_in={Weather.STALLED})
        if self._path.weather is not Weather.STALLED and self._far_writer.can_write_eof():
            self._far_writer.write_eof()

    async def _go_down(self) -> None:
        while True:
            await self._path.until_read()
            size = CHUNK_BYTES
            if (bytes_per_s := self._path.bytes_per_s) is not None:
                await asyncio.sleep(SLICE_S)
                size = max(1, int(bytes_per_s * SLICE_S))
            chunk = await self._taken(self._far, lost_in=LOSSY, size=size)
            if not chunk:
                break
            await self._path.until_read()  # it may have changed while we waited
            await self._pass(chunk, "down", self._near_writer, lost_in=LOSSY)
        if self._path.weather not in LOSSY and self._near_writer.can_write_eof():
            self._near_writer.write_eof()

    async def _taken(self, source: asyncio.StreamReader, *, lost_in: set[Weather], size: int = CHUNK_BYTES) -> bytes:
        """The next bytes. An end or a reset does not pass where nothing passes: the other side stays half-open."""
        try:
            chunk = await source.read(size)
        except OSError:
            if self._path.weather not in lost_in:
                raise
            chunk = b""
        while not chunk and self._path.weather in lost_in:
            await self._path.until_changed()
        return chunk

    async def _pass(self, chunk: bytes, way: Direction, sink: asyncio.StreamWriter, *, lost_in: set[Weather]) -> None:
        if self._path.weather in lost_in:
            self._path.traffic.swallowed += len(chunk)
            return
        cut = next((each for each in self.cuts if each.direction == way), None)
        if cut is not None and self._passed[way] + len(chunk) >= cut.after:
            chunk = chunk[: max(0, cut.after - self._passed[way])]
        self._passed[way] += len(chunk)
        if way == "up":
            self._path.traffic.up += len(chunk)
        else:
            self._path.traffic.down += len(chunk)
        sink.write(chunk)
        await sink.drain()
        if cut is not None and self._passed[way] >= cut.after:
            cut.done = True
            self.reset()


def _opens_websocket(sent: bytes) -> bool:
    """Whether the client has asked for one; a browser may do so on a connection that has carried requests before."""
    _, asked, rest = sent.lower().partition(b"upgrade: websocket")
    return bool(asked) and b"\r\n\r\n" in rest


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset (RST), as a cut network does once it is asked: what is on its way is gone."""
    opened = writer.get_extra_info("socket")
    if opened is not None and not writer.transport.is_closing():
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    opened = socket.socket()
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    try:
        await asyncio.get_running_loop().sock_connect(opened, address)
    except BaseException:
        opened.close()
        raise
    return await asyncio.open_connection(sock=opened, limit=CHUNK_BYTES)
