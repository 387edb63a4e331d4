"""A connection cut after any of its bytes, in either direction, from the first of the handshake to the last of a
delivery: the client comes back, has every event once, and the server keeps nothing of what was cut."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from chat.drill.network import Direction, Network, Path
from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from tests.conftest import failing_with_the_reason
from tests.faults.following import Follower, Sender, following, new_room, sending
from tests.hostile.inside import PORT_VARIABLE, Window
from tests.parts.eventually import eventually
from tests.realtime.arranging import arrange

CLIENTS = 24
DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
REST_S = 20.0


@dataclass(frozen=True, slots=True)
class Client:
    follower: Follower
    path: Path


@pytest.fixture
def watched(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Window]]:
    """A server, and a window to its inside."""
    port = free_port()
    server = server_part.prepare(
        tmp_path_factory.mktemp("server"), database_url=sqlite_databases.create(), **{PORT_VARIABLE: str(port)}
    )
    server.module = "tests.hostile.watched"
    with failing_with_the_reason():
        server.start()
    window: Window | None = until(lambda: _window(port), within_s=5, what="a window")
    assert window is not None
    yield server, window
    window.close()
    server.kill()


def _window(port: int) -> Window | None:
    try:
        return Window(port)
    except ConnectionRefusedError:
        return None


async def test_a_connection_cut_at_any_byte_comes_back_without_loss_or_repeat(watched: tuple[Server, Window]) -> None:
    server, window = watched
    aiko, ben = arrange(server, "aiko", "ben").people
    room = await new_room(server.url, aiko, ben)
    network = Network([(LOOPBACK, server.port)])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.close)
        sender = await stack.enter_async_context(sending(server.url, ben, room))
        clients = []
        for number in range(CLIENTS):
            path = await network.open_path(str(number))
            url = f"http://{LOOPBACK}:{path.port}"
            clients.append(Client(await stack.enter_async_context(following(url, aiko, room)), path))
        seqs = [await sender.send("one whole delivery")]
        for client in clients:
            await client.follower.until_seq(seqs[0])
        before = await asyncio.to_thread(window.inside)
        lengths = {"up": clients[0].path.traffic.up, "down": clients[0].path.traffic.down}
        # What follows can only be longer: the numbers in it grow, and there are cursors to come back after.
        places = [(way, after) for way in DIRECTIONS for after in range(1, lengths[way] + 1)]
        for start in range(0, len(places), CLIENTS):
            await _cut(list(zip(clients, places[start : start + CLIENTS], strict=False)), sender, seqs)
        for client in clients:
            assert client.follower.seqs == seqs
            assert client.follower.resets == []
        assert len(seqs) > lengths["down"] / CLIENTS
        await eventually(
            lambda: not window.inside().beyond(before), within_s=REST_S, what=f"a server as it was: {before}"
        )
    assert "Traceback" not in server.log


async def _cut(round_: list[tuple[Client, tuple[Direction, int]]], sender: Sender, seqs: list[int]) -> None:
    """Cut each client's next connection at its place, and send once all of them are back or wait for the delivery."""
    cuts = []
    for client, (way, after) in round_:
        client.follower.is_live = False
        cuts.append((client, client.path.cut_next_websocket(way, after)))
        client.path.reset_connections()
    for client, cut in cuts:
        await eventually(
            lambda client=client, cut=cut: cut.done or client.follower.is_live,  # type: ignore[misc]
            what="a cut or a connection that is live",
        )
    seqs.append(await sender.send("to be cut"))
    for client, cut in cuts:
        await client.follower.until_seq(seqs[-1])
        await eventually(lambda cut=cut: cut.done, what=f"the cut at {cut}")  # type: ignore[misc]
    for client, _ in cuts:
        await client.follower.until_live()
