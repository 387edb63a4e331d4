"""What Todoku relies on in daphne, autobahn and Twisted, and what it makes of them on the wire."""

import asyncio
import inspect
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import daphne.http_protocol
import daphne.server
import daphne.ws_protocol
import httpx
import psutil
import pytest
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol, WebSocketServerFactory
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet import abstract, tcp
from twisted.protocols.basic import LineReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.web.http import HTTPChannel
from websockets.exceptions import ConnectionClosed

from chat.drill.parts.databases import ROOT, SqliteDatabases, environment
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.server import Server as TodokuProcess
from chat.drill.parts.waiting import until
from realtime.closing import CloseCode
from realtime.daphne import DirectWriter, Server, SteadyTime, frame_head
from realtime.protocols import MAX_QUEUED_FRAMES
from tests.conftest import StartServer, servers
from tests.parts.peer import PROTOCOL, Peer, connected, introduced, send
from tests.realtime.arranging import Community, arrange
from tests.realtime.raw import HANDSHAKE, PING, Raw, frame, raw

BOUND_BYTES = 20_000  # less than Twisted's own, which must make no difference
STALL_TIMEOUT_S = 1.0
PATIENCE_S = 60.0
FRAME_BYTES = 5_000
FLOOD = 4_000  # 20 MB: more than the buffers of any socket
PINGS = 200_000  # 26 MB
FRAMES = 5_000
REQUESTS = 1_000
TWISTED_BOUND_BYTES = READ_BYTES = 65_536
LARGE_BYTES = 20_000


# --- What it is built on ----------------------------------------------------------------------------


def test_the_parts_are_of_the_versions_that_were_read() -> None:
    parts = {name: version(name).split(".")[:2] for name in ("daphne", "autobahn", "Twisted")}
    assert parts == {"daphne": ["4", "2"], "autobahn": ["26", "10"], "Twisted": ["26", "10"]}, (
        "read realtime/daphne.py, protocols.py and drain.py against the new version, then note it here"
    )


def test_the_attributes_that_it_uses_are_there() -> None:
    for source, names in {
        abstract.FileDescriptor: "dataBuffer offset _tempDataLen producerPaused disconnecting connected",
        abstract.FileDescriptor.doWrite: "self.producerPaused resumeProducing() self._writeDisconnecting",
        abstract.FileDescriptor._maybePauseProducer: "pauseProducing()",
        tcp.Port.doRead: "self.sessionno self.numberAccepts",
        HTTPChannel.__init__: "self.requests",
        HTTPChannel.connectionMade: "self._networkProducer",
        HTTPChannel.dataReceived: "self.resetTimeout()",
        HTTPChannel.allHeadersReceived: "self.persistent self.checkPersistence( self.length",
        HTTPChannel.allContentReceived: "self.setTimeout(None) self._handlingRequest",
        HTTPChannel.requestDone: "self.persistent self._waitingForTransport setLineMode(data) self.loseConnection()",
        HTTPChannel._respondToBadRequestAndDisconnect: "self.loseConnection()",
        LineReceiver.dataReceived: "self._buffer self.paused",
        TimeoutMixin: "timeoutConnection",
        WebSocketProtocol._fail_connection: "self.failByDrop self.sendCloseFrame( self.dropConnection(abort=False)",
        WebSocketProtocol.onCloseFrame: "self.wasClean self.dropConnection(abort=True)",
        WebSocketProtocol.onCloseHandshakeTimeout: "self.wasCloseHandshakeTimeout self.dropConnection(abort=True)",
        WebSocketProtocol.dropConnection: "self.unregisterProducer() self._closeConnection(abort)",
        WebSocketProtocol.consumeData: "self.processData() processHandshake()",
        WebSocketProtocol._sendAutoPing: "self.autoPingPending self.autoPingTimeoutCall",
        WebSocketServerFactory.setProtocolOptions: "self.openHandshakeTimeout",
        daphne.server.Server.run: "self.http_factory self.ws_factory self.ready_callable self.signal_handlers",
        daphne.server.Server.kill_all_applications: 'details["application_instance"]',
        WebRequest.process: "buildProtocol( protocol.makeConnection(transport)",
        DaphneProtocol.onConnect: "self.server.create_application",
    }.items():
        code = inspect.getsource(source)
        assert [name for name in names.split() if name not in code] == [], source
    for method in ("write", "writeSomeData", "loseConnection", "loseWriteConnection", "abortConnection"):
        assert callable(getattr(tcp.Connection, method))
    for method in ("connectionMade", "connectionLost", "onClose", "onMessage", "_dataReceived", "_closeConnection"):
        assert callable(getattr(DaphneProtocol, method))
    assert issubclass(DaphneProtocol, WebSocketServerProtocol)
    assert list(inspect.signature(WebSocketProtocol.sendCloseFrame).parameters)[1:] == ["code", "reasonUtf8", "isReply"]
    assert WebSocketProtocol.STATE_OPEN == 3
    for method in ("create_application", "handle_reply"):
        ours, theirs = (inspect.signature(getattr(kind, method)) for kind in (Server, daphne.server.Server))
        assert list(ours.parameters) == list(theirs.parameters)
    assert inspect.iscoroutinefunction(daphne.server.Server.handle_reply)


def test_nothing_in_daphne_measures_with_another_clock_than_ours() -> None:
    measured = {path.stem for path in Path(daphne.__file__).parent.glob("*.py") if "time.time()" in path.read_text()}
    assert measured == {"server", "http_protocol", "ws_protocol"}
    assert {daphne.server.time, daphne.http_protocol.time, daphne.ws_protocol.time} == {SteadyTime}


def test_autobahn_still_refuses_the_codes_for_which_we_go_past_it() -> None:
    allowed = inspect.getsource(WebSocketProtocol.sendClose)
    assert "3000" in allowed
    assert "4999" in allowed


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_head_of_a_frame_says_its_length_in_the_fewest_bytes(length: int, head: bytes) -> None:
    assert frame_head(length) == head


def test_a_writer_is_all_that_the_consumer_asks_of_one() -> None:
    assert {"has_room", "send", "drained", "stop"} <= set(dir(DirectWriter))


# --- On the wire ------------------------------------------------------------------------------------

Wire = Callable[[str], int]


@pytest.fixture(scope="module")
def wire(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """`wire("ours")`, `wire("plain")` and `wire("patient")`, which gives up nobody, are ports of servers that show what
    they do; each starts once."""
    ports: dict[str, int] = {}
    with ExitStack() as running:

        def start(kind: str) -> int:
            if kind not in ports:
                folder = tmp_path_factory.mktemp(kind)
                port = free_port()
                env = environment(
                    var=folder,
                    database_url=sqlite_databases.create(),
                    REALTIME_OUTBOUND_BYTES=str(BOUND_BYTES),
                    REALTIME_STALL_TIMEOUT=str(PATIENCE_S if kind == "patient" else STALL_TIMEOUT_S),
                )
                log = running.enter_context((folder / "log").open("wb"))
                program = [sys.executable, "-m", "tests.realtime.wire", kind, str(port)]
                process = subprocess.Popen(program, cwd=ROOT, env=env, stdout=log, stderr=log)
                running.callback(process.wait)
                running.callback(process.kill)

                def answers() -> bool:
                    assert process.poll() is None, (folder / "log").read_text()
                    with socket.socket() as probe:
                        return probe.connect_ex((LOOPBACK, port)) == 0

                until(answers, within_s=30, what=f"The {kind} server")
                ports[kind] = port
            return ports[kind]

        yield start


@pytest.mark.parametrize("code", list(CloseCode))
async def test_every_close_code_reaches_the_wire_as_it_was_meant(wire: Wire, code: CloseCode) -> None:
    async with connected(f"ws://{LOOPBACK}:{wire('ours')}/close") as peer:
        await peer.say(code)
        assert await peer.closed() == code
        assert peer.socket.close_reason == "as asked"


@pytest.mark.parametrize(("code", "instead"), [(1012, 4012), (1013, 4013), (4400, 4400), (4429, 4429)])
async def test_daphne_as_it_comes_gets_codes_that_it_can_send(wire: Wire, code: int, instead: int) -> None:
    async with connected(f"ws://{LOOPBACK}:{wire('plain')}/close") as peer:
        await peer.say(code)
        assert await peer.closed() == instead


async def test_daphne_as_it_comes_serves_the_protocol(wire: Wire) -> None:
    async with connected(f"ws://{LOOPBACK}:{wire('plain')}/graphql") as peer:
        assert peer.socket.subprotocol == PROTOCOL
        await peer.serves()
        await peer.say({"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }"}})
        assert await peer.closed() == CloseCode.UNAUTHORIZED


@asynccontextmanager
async def narrow_socket(port: int | None) -> AsyncIterator[socket.socket]:
    """A connection whose buffers are as small as they get: what its owner doesn't read stays at the server."""
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (LOOPBACK, port))
        yield narrow


@asynccontextmanager
async def slowly(url: str) -> AsyncIterator[Peer]:
    async with (
        narrow_socket(httpx.URL(url).port) as narrow,
        connected(url, sock=narrow, max_queue=1, ping_interval=None) as peer,
    ):
        yield peer


@asynccontextmanager
async def narrow_raw(port: int) -> AsyncIterator[Raw]:
    async with narrow_socket(port) as narrow, raw(port, sock=narrow) as peer:
        yield peer


def told(port: int, more: str = "") -> dict[str, int]:
    """What the server tells of what it was asked for."""
    said: dict[str, int] = httpx.get(f"http://{LOOPBACK}:{port}/told{more}").json()
    return said


async def until_told(port: int, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Wait until what the server tells fulfils the condition."""

    def fulfilled() -> dict[str, int] | None:
        return said if condition(said := told(port)) else None

    said = await asyncio.to_thread(until, fulfilled, within_s=10, what="What was expected of the server")
    assert said is not None
    return said


async def until_still(port: int, what: str) -> dict[str, int]:
    """Wait until it doesn't grow any more."""
    seen: list[int] = []

    def still(said: dict[str, int]) -> bool:
        seen.append(said[what])
        return len(seen) > 5 and seen[-5] == seen[-1] > 0

    return await until_told(port, still)


async def test_what_waits_for_a_reader_is_bounded_and_comes_whole_and_in_order(wire: Wire) -> None:
    port = wire("patient")
    async with slowly(f"ws://{LOOPBACK}:{port}/flood/{FRAME_BYTES}/{FLOOD}") as peer:
        halted = await until_still(port, "sent")
        assert halted["sent"] < FLOOD, "the buffers between were meant to be too small for all of it"
        assert halted["most_waiting"] <= BOUND_BYTES + 2 * FRAME_BYTES
        for number in range(FLOOD):
            assert int(await peer.socket.recv()) == number
    said = await until_told(port, lambda said: said["disconnected"] == 1)
    assert said["sent"] == FLOOD
    assert said["most_waiting"] <= BOUND_BYTES + 2 * FRAME_BYTES
    assert said["stalled"] == 0


async def test_one_that_never_reads_is_given_up(wire: Wire) -> None:
    port = wire("ours")
    before = told(port)
    async with slowly(f"ws://{LOOPBACK}:{port}/flood/{FRAME_BYTES}/{FLOOD}") as peer:
        await until_told(port, lambda said: said["disconnected"] > before["disconnected"])
        assert told(port)["stalled"] == before["stalled"] + 1
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            await peer.closed()


async def test_pongs_that_nobody_reads_are_bounded_too(wire: Wire) -> None:
    port = wire("ours")
    before = told(port)
    async with narrow_raw(port) as peer:
        await peer.say(HANDSHAKE.replace(b"/graphql", b"/flood/1/1"))
        await peer.head()
        with pytest.raises(ConnectionError):
            await peer.say(frame(PING, b"x" * 125) * PINGS)
    said = await until_told(port, lambda said: said["disconnected"] > before["disconnected"])
    assert said["stalled"] == before["stalled"] + 1
    assert said["most_waiting"] <= TWISTED_BOUND_BYTES + 2 * READ_BYTES


async def test_frames_that_the_consumer_does_not_take_wait_at_the_sender(wire: Wire) -> None:
    port = wire("ours")
    async with connected(f"ws://{LOOPBACK}:{port}/busy/{FRAMES}") as peer:
        for number in range(FRAMES):
            await peer.say(number)
        await until_told(port, lambda said: said["queued"] > 0)
        await until_still(port, "queued")
        assert told(port, "/go")["queued"] == MAX_QUEUED_FRAMES
        assert await peer.socket.recv() == "all of them, in order"


async def test_requests_that_were_sent_together_are_answered_as_fast_as_the_answers_are_read(wire: Wire) -> None:
    port = wire("ours")
    async with narrow_raw(port) as peer:
        await peer.say(f"GET /large/{LARGE_BYTES} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * REQUESTS)
        halted = await until_still(port, "answered")
        assert halted["answered"] < REQUESTS // 2
        for _ in range(REQUESTS):
            assert (await peer.response()).endswith("x" * LARGE_BYTES)
    assert told(port)["answered"] == REQUESTS


# --- In earnest -------------------------------------------------------------------------------------

LONG = "届" * 100_000  # 300 kB in UTF-8
MANY = 30


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TodokuProcess]:
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(MAX_MESSAGE_CHARS=str(len(LONG)), REALTIME_OUTBOUND_BYTES="100000")


async def test_a_reader_that_stops_delays_nobody_and_gets_every_event_when_it_goes_on(
    server: TodokuProcess, community: Community
) -> None:
    aiko, ben = community.people[:2]
    async with (
        slowly(server.websocket_url) as slow,
        introduced(server.websocket_url, ben.token) as quick,
        httpx.AsyncClient() as client,
    ):
        await slow.introduce({"authorization": f"Bearer {aiko.token}"})
        await slow.follow(community.room_id)
        await quick.follow(community.room_id)
        seqs = []
        for _ in range(MANY):
            seqs.append(await send(client, server.url, ben.token, community.room_id, LONG))
            await quick.until_seq(seqs[-1], within_s=1)
        await slow.until_seq(seqs[-1])
        seqs.append(await send(client, server.url, ben.token, community.room_id, "live again"))
        await slow.until_seq(seqs[-1])
        await quick.until_seq(seqs[-1])
        assert slow.seqs() == quick.seqs() == seqs


async def test_a_reader_that_never_reads_is_closed_and_resumes_by_its_cursor(start_server: StartServer) -> None:
    server = start_server(MAX_MESSAGE_CHARS=str(len(LONG)), REALTIME_STALL_TIMEOUT=str(STALL_TIMEOUT_S))
    community = arrange(server, "aiko", "ben")
    aiko, ben = community.people
    async with slowly(server.websocket_url) as dead, httpx.AsyncClient() as client:
        await dead.introduce({"authorization": f"Bearer {aiko.token}"})
        ready = await dead.follow(community.room_id)
        port = dead.socket.local_address[1]
        seqs = [await send(client, server.url, ben.token, community.room_id, LONG) for _ in range(MANY)]

        def connection_is_gone() -> bool:
            return port not in {
                connection.raddr.port
                for connection in psutil.Process(server.pid).net_connections()
                if connection.status == psutil.CONN_ESTABLISHED
            }

        await asyncio.to_thread(until, connection_is_gone, within_s=10, what="The end of the connection")
    async with introduced(server.websocket_url, aiko.token) as again:
        await again.follow(community.room_id, after=ready["payload"]["data"]["roomEvents"]["cursor"])
        assert again.seqs() == seqs
