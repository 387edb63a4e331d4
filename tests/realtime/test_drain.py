"""A server that is told to end lets everybody go in good order."""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import psutil
import pytest

from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from realtime.closing import CloseCode
from realtime.drain import CLOSING_S, REQUESTS_S, THREADS_S
from tests.conftest import StartServer
from tests.parts.peer import SEND_MESSAGE, Peer, bearing, introduced, send, sending
from tests.realtime.arranging import Community, Person, arrange, database_path, locked
from tests.realtime.raw import CLOSE, HANDSHAKE, NORMAL, Raw, frame, raw, until_deaf

CROWD = 200
CROWDED = {"REALTIME_MAX_CONNECTIONS_PER_PERSON": "1000", "REALTIME_INIT_TIMEOUT": "120"}
DRAIN_S = 2.0
LONG_S = "30"  # longer than what a test does meanwhile
END_LIMIT_S = 20.0
THREADS = 4  # as many operations as are executed at once
MARGIN_S = 2.0  # for a slow machine

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def ended(server: Server) -> int:
    """The status with which the process has ended."""
    return await asyncio.to_thread(server.wait_for_end, END_LIMIT_S)


def open_databases(server: Server) -> int:
    """How many connections to its SQLite file the server has open."""
    path = str(database_path(server))
    return sum(1 for file in psutil.Process(server.pid).open_files() if file.path == path)


async def posted(
    client: httpx.AsyncClient, server: Server, body: dict[str, object], token: str
) -> "asyncio.Task[httpx.Response]":
    """The first request of a server, on its way: its thread has opened a connection to the database."""
    before = open_databases(server)
    posting = asyncio.create_task(client.post(f"{server.url}/graphql", json=body, headers=bearing(token)))
    begun = lambda: open_databases(server) > before  # noqa: E731
    await asyncio.to_thread(until, begun, within_s=10, what="The begin of the request")
    return posting


async def taken(peer: Peer) -> None:
    """Return when the server has taken what was sent before."""
    await peer.say({"type": "ping"})
    assert await peer.hear() == {"type": "pong"}


@asynccontextmanager
async def crowd(
    server: Server, community: Community, size: int, *, following: bool = True
) -> AsyncIterator[list[Peer]]:
    """So many connections of the room's people, who follow the room."""
    async with AsyncExitStack() as open_ones:

        async def come(number: int) -> Peer:
            person = community.people[number % len(community.people)]
            peer = await open_ones.enter_async_context(
                introduced(server.websocket_url, person.token, open_timeout=60, ping_interval=None)
            )
            if following:
                await peer.follow(community.room_id)
            return peer

        peers = []
        for first in range(0, size, 20):
            peers += await asyncio.gather(*(come(number) for number in range(first, min(first + 20, size))))
        yield peers


async def send_until_refused(server: Server, person: Person, room_id: str, seqs: list[int]) -> None:
    """Send one message after the other until nobody is accepted any more, noting their seqs.

    Raises:
        httpx.TransportError: a send was accepted and not answered.
    """
    async with httpx.AsyncClient(timeout=END_LIMIT_S) as client:
        with suppress(httpx.ConnectError):
            while True:
                seqs.append(await send(client, server.url, person.token, room_id, "on and on"))


async def test_all_of_two_hundred_are_told_to_come_back_one_after_the_other_while_some_send(
    start_server: StartServer,
) -> None:
    server = start_server(REALTIME_DRAIN=str(DRAIN_S), **CROWDED)
    community = arrange(server, "aiko", "ben", "chie", "daigo")
    closed_at: list[float] = []
    sent: list[int] = []

    async def watch(peer: Peer) -> int:
        code = await peer.closed(within_s=END_LIMIT_S)
        closed_at.append(time.monotonic())
        return code

    async with crowd(server, community, CROWD) as peers:
        watching = [asyncio.create_task(watch(peer)) for peer in peers]
        sending = [
            asyncio.create_task(send_until_refused(server, person, community.room_id, sent))
            for person in community.people
        ]
        await asyncio.to_thread(until, lambda: len(sent) > 20, within_s=10, what="A few sends")
        server.signal(signal.SIGTERM)
        assert set(await asyncio.gather(*watching)) == {CloseCode.SERVICE_RESTART}
        await asyncio.gather(*sending)
        assert await ended(server) == 0
    assert max(closed_at) - min(closed_at) > DRAIN_S / 2, "they were meant to be spread over the time"
    assert sorted(sent) == list(range(min(sent), min(sent) + len(sent))), "all that was stored was meant to be answered"
    assert "Traceback" not in server.log


async def test_what_is_sent_while_it_lasts_reaches_those_who_are_still_there(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=str(DRAIN_S), **CROWDED)
    community = arrange(server, "aiko", "ben")
    async with (
        crowd(server, community, 50) as peers,
        httpx.AsyncClient() as client,
    ):
        watching = [asyncio.create_task(peer.closed(within_s=END_LIMIT_S)) for peer in peers]
        await send(client, server.url, community.people[0].token, community.room_id, "before")
        server.signal(signal.SIGTERM)
        await until_deaf(server.pid)
        seq = await send(client, server.url, community.people[0].token, community.room_id, "meanwhile")
        assert set(await asyncio.gather(*watching)) == {CloseCode.SERVICE_RESTART}
        assert await ended(server) == 0
    heard = [peer.seqs() for peer in peers]
    assert [seq - 1, seq] in heard
    assert all(seqs == [seq - 1, seq][: len(seqs)] for seqs in heard)


async def test_an_operation_over_a_socket_that_is_still_open_works(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=LONG_S)
    community = arrange(server, "aiko")
    async with introduced(server.websocket_url, community.people[0].token) as peer:
        server.signal(signal.SIGTERM)
        await until_deaf(server.pid)
        assert await peer.execute("{ viewer { username } }") == {"data": {"viewer": {"username": "aiko"}}}


async def test_who_waits_for_an_answer_leaves_after_it(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN="5", REQUESTS_AT_ONCE=str(THREADS), **CROWDED)
    community = arrange(server, "aiko", "ben")
    async with crowd(server, community, 24, following=False) as peers:
        senders, others = peers[:THREADS], peers[THREADS:]
        watching = [asyncio.create_task(peer.closed(within_s=END_LIMIT_S)) for peer in others]
        with locked(server):
            for peer in senders:
                given = sending(community.room_id, "wait for it")["variables"]["input"]
                await peer.subscribe(SEND_MESSAGE, operation="send", input=given)
                await taken(peer)
            server.signal(signal.SIGTERM)
            for closed in itertools.islice(asyncio.as_completed(watching), 14):
                await closed
        for peer in senders:
            assert await peer.closed() == CloseCode.SERVICE_RESTART
            assert [message["type"] for message in peer.received if "id" in message] == ["next", "complete"]
        assert set(await asyncio.gather(*watching)) == {CloseCode.SERVICE_RESTART}


async def test_requests_in_flight_are_answered(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=str(DRAIN_S))
    community = arrange(server, "aiko")
    token, room_id = community.people[0].token, community.room_id
    given = sending(room_id, "over the socket")["variables"]["input"]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient())
        with locked(server):
            posting = await posted(client, server, sending(room_id, "over HTTP"), token)
            peer = await stack.enter_async_context(introduced(server.websocket_url, token))
            await peer.subscribe(SEND_MESSAGE, operation="send", input=given)
            await taken(peer)
            server.signal(signal.SIGTERM)
            await until_deaf(server.pid)
        answer = await posting
        assert await peer.closed() == CloseCode.SERVICE_RESTART
        assert answer.headers["Connection"] == "close"
        assert answer.json()["data"]["sendMessage"]["message"]["body"] == "over HTTP"
        assert [(message["type"], message["id"]) for message in peer.received if "id" in message] == [
            ("next", "send"),
            ("complete", "send"),
        ]
        assert await ended(server) == 0


# --- In the middle of something ---------------------------------------------------------------------


async def told_to_come_back(peer: Raw) -> None:
    """Assert that the WebSocket is closed with 1012 and that its connection ends in good order."""
    assert await peer.hear_close() == CloseCode.SERVICE_RESTART
    await peer.say(frame(CLOSE, NORMAL))
    assert await peer.until_end() == b""


async def test_a_handshake_that_is_under_way_ends_with_1012(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=str(DRAIN_S))
    async with raw(server.port) as silent, raw(server.port) as halfway, raw(server.port) as unknown:
        await halfway.say(HANDSHAKE[:40])
        await unknown.shake_hands()
        server.signal(signal.SIGTERM)
        await until_deaf(server.pid)
        await silent.say(HANDSHAKE)
        await halfway.say(HANDSHAKE[40:])
        for late in (silent, halfway):
            assert (await late.head()).startswith("HTTP/1.1 101 ")
        for peer in (silent, halfway, unknown):
            await told_to_come_back(peer)
        assert await ended(server) == 0


async def test_those_who_wait_to_be_accepted_are_not_reset(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN="0")
    server.signal(signal.SIGSTOP)
    async with AsyncExitStack() as open_ones:
        peers = [await open_ones.enter_async_context(raw(server.port)) for _ in range(300)]
        for peer in peers[100:]:
            await peer.say(HANDSHAKE)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        for peer in peers[:100]:
            await peer.say(HANDSHAKE)
        for peer in peers:
            assert (await peer.head()).startswith("HTTP/1.1 101 ")
            await told_to_come_back(peer)
        assert await ended(server) == 0


async def test_connections_that_are_idle_or_never_finish_their_request_end_in_good_order(
    start_server: StartServer,
) -> None:
    server = start_server(REALTIME_DRAIN="0")
    async with raw(server.port) as idle, raw(server.port) as unfinished:
        await idle.say(ALIVE)
        assert (await idle.response()).endswith('{"status": "alive"}')
        await unfinished.say(ALIVE[:20])
        server.signal(signal.SIGTERM)
        assert await idle.until_end() == b""
        assert await unfinished.until_end() == b""
        assert await ended(server) == 0


async def test_one_who_does_not_answer_the_close_frame_is_not_waited_for(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN="0")
    async with raw(server.port) as peer:
        await peer.shake_hands()
        server.signal(signal.SIGTERM)
        assert await peer.hear_close() == CloseCode.SERVICE_RESTART
        assert await peer.until_end() == b""
        assert await ended(server) == 0


# --- The end at last --------------------------------------------------------------------------------


async def test_a_send_that_waits_for_the_database_does_not_hold_the_process_for_ever(
    start_server: StartServer,
) -> None:
    server = start_server(REALTIME_DRAIN="0")
    community = arrange(server, "aiko")
    token, room_id = community.people[0].token, community.room_id
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=END_LIMIT_S))
        with locked(server):
            posting = await posted(client, server, sending(room_id, "over HTTP"), token)
            peer = await stack.enter_async_context(introduced(server.websocket_url, token))
            await peer.subscribe(SEND_MESSAGE, input=sending(room_id, "over the socket")["variables"]["input"])
            await taken(peer)
            server.signal(signal.SIGTERM)
            assert await peer.closed() == CloseCode.SERVICE_RESTART
            assert await asyncio.to_thread(server.wait_for_end, REQUESTS_S + CLOSING_S + THREADS_S + MARGIN_S) == 0
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await posting


async def test_a_second_signal_ends_it_at_once(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=LONG_S)
    community = arrange(server, "aiko")
    async with introduced(server.websocket_url, community.people[0].token) as peer:
        server.signal(signal.SIGTERM)
        await until_deaf(server.pid)
        await peer.serves()
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait_for_end, MARGIN_S) == -signal.SIGTERM


async def test_an_interrupt_from_the_keyboard_does_the_same(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN="0")
    community = arrange(server, "aiko")
    async with introduced(server.websocket_url, community.people[0].token) as peer:
        server.signal(signal.SIGINT)
        assert await peer.closed() == CloseCode.SERVICE_RESTART
        assert await ended(server) == 0
    assert "Traceback" not in server.log
