"""How many a server serves, how long it waits for what is said to it, and that each refusal names its limit."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.server import Server
from realtime.closing import CloseCode
from tests.conftest import servers
from tests.parts.peer import Peer, bearing, connected, introduced, sending
from tests.realtime.arranging import Community, Person, locked
from tests.realtime.raw import HANDSHAKE, Raw, raw

IN_ALL = 6
OF_ONE = 2
INIT_TIMEOUT_S = 1.0
REQUEST_TIMEOUT_S = 1.0
BODY_BYTES = 3_000_000
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(
            REALTIME_MAX_CONNECTIONS=str(IN_ALL),
            REALTIME_MAX_CONNECTIONS_PER_PERSON=str(OF_ONE),
            REALTIME_INIT_TIMEOUT=str(INIT_TIMEOUT_S),
            REALTIME_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT_S),
            HTTP_BODY_BYTES=str(BODY_BYTES),
        )


async def refusal(peer: Peer) -> tuple[int, str | None]:
    """With which code and which words the server closes."""
    return await peer.closed(), peer.socket.close_reason


async def until_served(server: Server, person: Person) -> None:
    """Wait until there is room for one more of this person's."""
    async with asyncio.timeout(10):
        while True:
            with suppress(ConnectionClosed):
                async with introduced(server.websocket_url, person.token) as peer:
                    await peer.serves()
                    return


# --- How many ---------------------------------------------------------------------------------------


async def test_a_full_server_accepts_and_closes_with_1013_until_somebody_leaves(
    server: Server, community: Community
) -> None:
    people = community.people
    async with (
        introduced(server.websocket_url, people[0].token) as first,
        introduced(server.websocket_url, people[1].token),
        introduced(server.websocket_url, people[2].token),
        introduced(server.websocket_url, people[2].token),
        introduced(server.websocket_url, people[3].token),
        connected(server.websocket_url) as silent,
    ):
        for _ in range(3):
            async with connected(server.websocket_url) as late:
                assert await refusal(late) == (
                    CloseCode.TRY_AGAIN_LATER,
                    f"at most {IN_ALL} connections to a server (REALTIME_MAX_CONNECTIONS)",
                )
        await first.serves()
        assert await silent.closed() == CloseCode.INITIALISATION_TIMEOUT
        await until_served(server, people[4])


async def test_one_person_has_so_many_connections_and_no_more(server: Server, community: Community) -> None:
    aiko, ben = community.people[:2]
    async with introduced(server.websocket_url, aiko.token) as first:
        async with introduced(server.websocket_url, aiko.token):
            for _ in range(2 * OF_ONE):
                async with connected(server.websocket_url) as late:
                    await late.say({"type": "connection_init", "payload": {"authorization": f"Bearer {aiko.token}"}})
                    assert await refusal(late) == (
                        CloseCode.TRY_AGAIN_LATER,
                        f"at most {OF_ONE} connections of one person (REALTIME_MAX_CONNECTIONS_PER_PERSON)",
                    )
            async with introduced(server.websocket_url, ben.token) as other:
                await other.serves()
        await first.serves()
        await until_served(server, aiko)


# --- How long ---------------------------------------------------------------------------------------

LATE = (408, f"a request has to arrive in {REQUEST_TIMEOUT_S:g} s (REALTIME_REQUEST_TIMEOUT)")


async def refused(peer: Raw) -> tuple[int, str]:
    """With which status and which words a request is refused; then the connection ends in good order."""
    head, _, body = (await peer.response()).partition("\r\n\r\n")
    assert "Connection: close" in head
    assert await peer.until_end() == b""
    return int(head.split()[1]), body


async def drip(peer: Raw, what: bytes) -> None:
    """Say it again and again, as long as anybody takes it."""
    with suppress(ConnectionError):
        while True:
            await peer.say(what)
            await asyncio.sleep(REQUEST_TIMEOUT_S / 10)


async def test_who_says_nothing_is_let_go(server: Server) -> None:
    async with raw(server.port) as peer:
        assert await peer.until_end() == b""


async def test_a_connection_that_falls_idle_is_let_go(server: Server) -> None:
    async with raw(server.port) as peer:
        for _ in range(2):
            await peer.say(HEAD + b"\r\n")
            await peer.response()
        assert await peer.until_end() == b""


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(b"G", b"", id="a method that stops"),
        pytest.param(HEAD, b"", id="a head that stops"),
        pytest.param(HEAD, b"X: x\r\n", id="a head that drips"),
        pytest.param(HANDSHAKE[:-2], b"", id="a handshake that stops"),
        pytest.param(HANDSHAKE[:-2], b"X: x\r\n", id="a handshake that drips"),
        pytest.param(POST + b"Content-Length: 100\r\n\r\n", b"", id="a body that stops"),
        pytest.param(POST + b"Content-Length: 100\r\n\r\n", b" ", id="a body that drips"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="chunks that drip"),
    ],
)
async def test_what_never_arrives_whole_is_refused_with_408(server: Server, begin: bytes, drop: bytes) -> None:
    async with raw(server.port) as peer:
        await peer.say(HEAD + b"\r\n")
        await peer.response()
        await peer.say(begin)
        dripping = asyncio.create_task(drip(peer, drop))
        assert await refused(peer) == LATE
        dripping.cancel()


async def test_who_does_not_answer_the_close_frame_is_let_go(server: Server) -> None:
    async with raw(server.port) as peer:
        await peer.shake_hands()
        assert await peer.hear_close() == CloseCode.INITIALISATION_TIMEOUT
        assert await peer.until_end() == b""


async def test_a_request_whose_answer_takes_longer_is_answered(server: Server, community: Community) -> None:
    given = sending(community.room_id, "at last")
    async with httpx.AsyncClient(timeout=20) as client:
        with locked(server):
            post = client.post(f"{server.url}/graphql", json=given, headers=bearing(community.people[5].token))
            posting = asyncio.create_task(post)
            async with raw(server.port) as idle:
                assert await idle.until_end() == b""
            async with raw(server.port) as idle:
                assert await idle.until_end() == b""
        answer = await posting
    assert answer.json()["data"]["sendMessage"]["status"] == "STORED"


# --- How much ---------------------------------------------------------------------------------------

TOO_LARGE = (413, f"a request has at most {BODY_BYTES} bytes (HTTP_BODY_BYTES)")
CHUNK = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"


async def test_a_body_that_says_it_is_too_large_is_refused_by_its_head(server: Server) -> None:
    async with raw(server.port) as peer:
        await peer.say(POST + f"Content-Length: {BODY_BYTES + 1}\r\n\r\n".encode())
        assert await refused(peer) == TOO_LARGE


async def test_chunks_are_refused_once_they_are_too_many(server: Server) -> None:
    async with raw(server.port) as peer:
        await peer.say(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(BODY_BYTES // 100_000):
            await peer.say(CHUNK)
        assert await refused(peer) == TOO_LARGE


async def test_a_body_within_the_limit_arrives(server: Server) -> None:
    body = b'{"query": "{ viewer { id } }", "more": "' + b"x" * (BODY_BYTES // 2) + b'"}'
    async with raw(server.port) as peer:
        await peer.say(POST + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert (await peer.response()).endswith('{"data":{"viewer":null}}')


async def test_after_a_bad_request_nothing_more_is_taken(server: Server) -> None:
    async with raw(server.port) as peer:
        await peer.say(b"no request\r\n\r\n" + HEAD + b"\r\nno request\r\n\r\n")
        assert await peer.until_end() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
