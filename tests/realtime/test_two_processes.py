"""Server processes that share a database: the hints between them may be lost, and so may a process."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest

from chat.drill.parts.databases import ROOT, PostgresDatabases, SqliteDatabases
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.redis import Redis
from chat.drill.parts.server import Server
from tests.conftest import StartServer, servers
from tests.parts.peer import Peer, bearing, introduced, send, sending
from tests.realtime.arranging import Community, arrange

PROMISE_S = 1.0
RECOVERY_S = 20.0

SIGNALS = """
subscription Signals($roomId: ID!) {
  roomSignals(roomId: $roomId) { signal { ... on TypingSignal { typing user { username } } } }
}
"""
TYPE = "mutation($room: ID!) { setTyping(input: {roomId: $room, typing: true}) { room { id } } }"

# A server that is killed right after its first commit, before anybody hears of it.
DYING = """
import os, signal
import config.server
from realtime import doorbell
doorbell._hints.insert(0, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
config.server.main()
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two server processes of one installation, over PostgreSQL and Redis."""

    one: Server
    other: Server
    community: Community

    def __iter__(self) -> Iterator[Server]:
        return iter((self.one, self.other))


@pytest.fixture(scope="module")
def pair(
    sqlite_databases: SqliteDatabases,
    postgres_databases: PostgresDatabases,
    redis: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    url = postgres_databases.create()
    with servers(sqlite_databases, tmp_path_factory) as start:
        one, other = (start(database_url=url, channel_layer_url=redis.url) for _ in range(2))
        yield Pair(one, other, arrange(one, "aiko", "ben"))


@asynccontextmanager
async def followers(servers: Iterator[Server], community: Community) -> AsyncIterator[list[Peer]]:
    """A member on each of the servers who follows the room."""
    async with AsyncExitStack() as open_connections:
        peers = []
        for server in servers:
            peer = await open_connections.enter_async_context(
                introduced(server.websocket_url, community.people[0].token)
            )
            await peer.follow(community.room_id)
            peers.append(peer)
        yield peers


async def delivered(server: Server, community: Community, peers: list[Peer], body: str) -> int:
    """Send through a server and assert that everybody has it within a second of the acknowledgement; its seq."""
    async with httpx.AsyncClient() as client:
        seq = await send(client, server.url, community.people[1].token, community.room_id, body)
    await asyncio.gather(*(peer.until_seq(seq, within_s=PROMISE_S) for peer in peers))
    return seq


async def test_what_is_sent_through_either_process_reaches_the_members_on_both(pair: Pair) -> None:
    async with followers(iter(pair), pair.community) as peers:
        seqs = [await delivered(server, pair.community, peers, "hello") for server in (*pair, *pair)]
        assert [peer.seqs() for peer in peers] == [seqs, seqs]


async def test_hints_outrun_the_sweep(pair: Pair) -> None:
    async with followers(iter(pair), pair.community) as peers:
        begun = time.monotonic()
        for number in range(10):
            await delivered(pair.one, pair.community, peers, f"quick {number}")
        assert time.monotonic() - begun < 2.5, "each would have waited for the next sweep: four seconds"


async def test_one_message_sent_twenty_times_at_once_through_both_is_one_message(pair: Pair) -> None:
    community = pair.community
    request = sending(community.room_id, "once", str(uuid4()))
    async with followers(iter(pair), community) as peers, httpx.AsyncClient(timeout=30) as client:
        headers = bearing(community.people[1].token)
        answers = await asyncio.gather(
            *(client.post(f"{server.url}/graphql", json=request, headers=headers) for server in [*pair] * 10)
        )
        [answer] = {answer.text for answer in answers}
        assert '"status":"STORED"' in answer
        seq = answers[0].json()["data"]["sendMessage"]["message"]["seq"]
        last = await delivered(pair.other, community, peers, "and then another")
        assert [peer.seqs() for peer in peers] == [[seq, last], [seq, last]]
        assert last == seq + 1


async def test_many_send_through_both_at_once_and_all_see_one_order(pair: Pair) -> None:
    community = pair.community
    async with followers(iter(pair), community) as peers, httpx.AsyncClient(timeout=30) as client:
        seqs = await asyncio.gather(
            *(
                send(client, server.url, community.people[number % 2].token, community.room_id, f"{number}")
                for number in range(20)
                for server in pair
            )
        )
        assert sorted(seqs) == list(range(min(seqs), min(seqs) + len(seqs)))
        await asyncio.gather(*(peer.until_seq(max(seqs)) for peer in peers))
        assert [peer.seqs() for peer in peers] == [sorted(seqs)] * 2


async def typing_is_heard(pair: Pair) -> None:
    """Assert that what passes through the channel layer alone gets across, now or soon."""
    community = pair.community
    ben = community.people[1]
    async with introduced(pair.other.websocket_url, community.people[0].token) as peer, httpx.AsyncClient() as client:
        await peer.subscribe(SIGNALS, roomId=community.room_id)
        await peer.serves()
        hearing = asyncio.create_task(peer.hear(RECOVERY_S))
        while not hearing.done():
            typed = {"query": TYPE, "variables": {"room": community.room_id}}
            answer = await client.post(f"{pair.one.url}/graphql", json=typed, headers=bearing(ben.token))
            assert "errors" not in answer.json()
            await asyncio.wait([hearing], timeout=0.2)
        heard = (await hearing)["payload"]["data"]["roomSignals"]["signal"]
        assert heard == {"typing": True, "user": {"username": "ben"}}


async def test_what_passes_gets_from_one_process_to_the_other(pair: Pair) -> None:
    await typing_is_heard(pair)


async def test_while_redis_is_down_all_arrives_within_a_second_and_sockets_stay_open(pair: Pair, redis: Redis) -> None:
    async with followers(iter(pair), pair.community) as peers:
        try:
            await asyncio.to_thread(redis.stop)
            seqs = [await delivered(server, pair.community, peers, "still here") for server in (*pair, *pair)]
            begun = time.monotonic()
            for peer in peers:
                await peer.serves()
            assert time.monotonic() - begun < PROMISE_S
        finally:
            await asyncio.to_thread(redis.start)
        await typing_is_heard(pair)
        seqs.append(await delivered(pair.one, pair.community, peers, "and back"))
        assert [peer.seqs() for peer in peers] == [seqs, seqs]


async def test_a_process_whose_doorbell_never_worked_delivers_by_its_sweep(start_server: StartServer) -> None:
    server = start_server(channel_layer_url=f"redis://{LOOPBACK}:{free_port()}/0")
    community = arrange(server, "aiko", "ben")
    async with followers(iter((server,)), community) as peers:
        seqs = [await delivered(server, community, peers, f"unheard {number}") for number in range(3)]
        assert peers[0].seqs() == seqs


@contextmanager
def dying(server: Server) -> Iterator[None]:
    """Run a process in the server's place that has killed itself by the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", DYING], cwd=ROOT, env=server.env)
    try:
        server.wait_until_ready()
        yield
        assert process.wait(timeout=10) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


async def test_what_was_committed_when_the_server_was_killed_reaches_who_resumes(start_server: StartServer) -> None:
    server = start_server()
    community = arrange(server, "aiko", "ben")
    server.kill()
    request = sending(community.room_id, "committed", str(uuid4()))
    headers = bearing(community.people[1].token)
    with dying(server):
        async with introduced(server.websocket_url, community.people[0].token) as peer, httpx.AsyncClient() as client:
            ready = await peer.follow(community.room_id)
            with pytest.raises(httpx.TransportError):
                await client.post(f"{server.url}/graphql", json=request, headers=headers)
            with pytest.raises(ConnectionResetError):
                await peer.closed()
            assert peer.seqs() == []
    server.start()
    async with followers(iter((server,)), community) as [live], httpx.AsyncClient() as client:
        cursor = ready["payload"]["data"]["roomEvents"]["cursor"]
        await live.follow(community.room_id, operation="resumed", after=cursor)
        head = ready["payload"]["data"]["roomEvents"]["event"]["seq"]
        assert live.seqs("resumed") == [head + 1]
        repeated = (await client.post(f"{server.url}/graphql", json=request, headers=headers)).json()
        assert repeated["data"]["sendMessage"]["message"]["seq"] == head + 1
        after = await delivered(server, community, [live], "afterwards")
        assert after == head + 2
