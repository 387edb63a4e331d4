"""A connection that has ended is gone at once, not when garbage is collected: that would stop the whole process."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from chat.drill.parts.databases import SqliteDatabases
from tests.faults.site import Watched, watched
from tests.parts.eventually import eventually
from tests.parts.peer import connected, introduced
from tests.realtime.arranging import Community, arrange
from tests.realtime.raw import raw

CONNECTIONS = 5

End = Callable[[Watched, Community], Awaitable[None]]


async def a_listener_leaves(scene: Watched, community: Community) -> None:
    async with introduced(scene.server.websocket_url, community.people[0].token) as peer:
        await peer.follow(community.room_id)


async def a_connection_is_lost(scene: Watched, community: Community) -> None:
    async with introduced(scene.server.websocket_url, community.people[0].token) as peer:
        await peer.follow(community.room_id)
        peer.socket.transport.abort()


async def a_server_closes(scene: Watched, community: Community) -> None:
    async with connected(scene.server.websocket_url) as peer:
        await peer.say_raw("nonsense")
        await peer.closed()


async def a_handshake_is_refused(scene: Watched, community: Community) -> None:
    async with raw(scene.server.port) as peer:
        await peer.say(b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n")
        await peer.head()


async def a_page_is_read(scene: Watched, community: Community) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            assert (await client.get(f"{scene.server.url}/accounts/login/")).status_code == httpx.codes.OK


@pytest.mark.parametrize(
    "end",
    [a_listener_leaves, a_connection_is_lost, a_server_closes, a_handshake_is_refused, a_page_is_read],
)
async def test_nothing_of_a_connection_waits_for_a_collection_of_garbage(
    end: End, sqlite_databases: SqliteDatabases, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        scene = stack.enter_context(watched(tmp_path, sqlite_databases.create()))
        community = arrange(scene.server, "aiko")
        await end(scene, community)  # what is kept of the first
        scene.window.held()
        for _ in range(CONNECTIONS):
            await end(scene, community)
        await eventually(lambda: not any(scene.window.held().values()), what="An end")
