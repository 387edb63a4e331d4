"""What `realtime.daphne` relies on in daphne, autobahn and Twisted, and what it makes of them on the wire."""

import asyncio
import inspect
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version

import daphne.server
import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet import abstract, tcp
from websockets.exceptions import ConnectionClosed

from chat.drill.parts.databases import ROOT, SqliteDatabases, environment
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.server import Server as TodokuProcess
from chat.drill.parts.waiting import until
from realtime.closing import CloseCode
from realtime.daphne import DirectWriter, Server, frame_head
from tests.conftest import StartServer, servers
from tests.parts.peer import PROTOCOL, Peer, connected, introduced, send
from tests.realtime.arranging import Community, arrange

BOUND_BYTES = 20_000  # less than Twisted's own, which must make no difference
STALL_TIMEOUT_S = 1.0
FRAME_BYTES = 5_000
FLOOD = 4_000  # 20 MB: more than the buffers of any socket


# --- What it is built on ----------------------------------------------------------------------------


def test_the_parts_are_of_the_versions_that_were_read() -> None:
    parts = {name: version(name).split(".")[:2] for name in ("daphne", "autobahn", "Twisted")}
    assert parts == {"daphne": ["4", "2"], "autobahn": ["26", "10"], "Twisted": ["26", "10"]}, (
        "read realtime/daphne.py against the new version, then note it here"
    )


def test_the_attributes_that_it_uses_are_there() -> None:
    assert {"dataBuffer", "offset", "producerPaused", "disconnecting", "connected"} <= set(dir(abstract.FileDescriptor))
    assert "_tempDataLen" in inspect.getsource(abstract.FileDescriptor.__init__)
    assert "self.producerPaused" in inspect.getsource(abstract.FileDescriptor.doWrite)
    assert "resumeProducing()" in inspect.getsource(abstract.FileDescriptor.doWrite)
    for method in ("write", "writeSomeData", "loseConnection", "abortConnection", "registerProducer"):
        assert callable(getattr(tcp.Connection, method))
    assert issubclass(DaphneProtocol, WebSocketServerProtocol)
    assert list(inspect.signature(WebSocketProtocol.sendCloseFrame).parameters)[1:] == ["code", "reasonUtf8", "isReply"]
    assert "self.failByDrop" in inspect.getsource(WebSocketProtocol._fail_connection)
    assert WebSocketProtocol.STATE_OPEN == 3
    for method in ("create_application", "handle_reply"):
        ours, theirs = (inspect.signature(getattr(kind, method)) for kind in (Server, daphne.server.Server))
        assert list(ours.parameters) == list(theirs.parameters)
    assert inspect.iscoroutinefunction(daphne.server.Server.handle_reply)


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
    """`wire("ours")` and `wire("plain")` are ports of servers that show what they do; each starts once."""
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
                    REALTIME_STALL_TIMEOUT=str(STALL_TIMEOUT_S),
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
async def slowly(url: str) -> AsyncIterator[Peer]:
    """A connection whose buffers are as small as they get: what its owner doesn't read stays at the server."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (host, port))
        async with connected(url, sock=narrow, max_queue=1, ping_interval=None) as peer:
            yield peer


def flood(port: int) -> dict[str, int]:
    """What the server tells of its flood."""
    told: dict[str, int] = httpx.get(f"http://{LOOPBACK}:{port}/flood").json()
    return told


async def until_flood(port: int, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Wait until what the server tells fulfils the condition."""

    def fulfilled() -> dict[str, int] | None:
        return told if condition(told := flood(port)) else None

    told = await asyncio.to_thread(until, fulfilled, within_s=10, what="What was expected of the flood")
    assert told is not None
    return told


async def until_still(port: int) -> dict[str, int]:
    """Wait until the flood has come to a halt."""
    seen: list[int] = []

    def still(told: dict[str, int]) -> bool:
        seen.append(told["sent"])
        return len(seen) > 5 and seen[-5] == seen[-1] > 0

    return await until_flood(port, still)


async def test_what_waits_for_a_reader_is_bounded_and_comes_whole_and_in_order(wire: Wire) -> None:
    port = wire("ours")
    async with slowly(f"ws://{LOOPBACK}:{port}/flood/{FRAME_BYTES}/{FLOOD}") as peer:
        halted = await until_still(port)
        assert halted["sent"] < FLOOD, "the buffers between were meant to be too small for all of it"
        assert halted["most_waiting"] <= BOUND_BYTES + 2 * FRAME_BYTES
        for number in range(FLOOD):
            assert int(await peer.socket.recv()) == number
    told = await until_flood(port, lambda told: told["disconnected"] == 1)
    assert told["sent"] == FLOOD
    assert told["most_waiting"] <= BOUND_BYTES + 2 * FRAME_BYTES
    assert told["stalled"] == 0


async def test_one_that_never_reads_is_given_up(wire: Wire) -> None:
    port = wire("ours")
    before = flood(port)
    async with slowly(f"ws://{LOOPBACK}:{port}/flood/{FRAME_BYTES}/{FLOOD}") as peer:
        await until_flood(port, lambda told: told["disconnected"] > before["disconnected"])
        assert flood(port)["stalled"] == before["stalled"] + 1
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            await peer.closed()


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
                if connection.raddr and connection.status == psutil.CONN_ESTABLISHED
            }

        await asyncio.to_thread(until, connection_is_gone, within_s=10, what="The end of the connection")
    async with introduced(server.websocket_url, aiko.token) as again:
        await again.follow(community.room_id, after=ready["payload"]["data"]["roomEvents"]["cursor"])
        assert again.seqs() == seqs
