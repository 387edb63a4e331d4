"""A connection cut after any of its bytes, in either direction, from the first of the handshake to the last of a
delivery: the client comes back, has every event once, and the server keeps nothing of what was cut."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from chat.drill.network import Direction, Network, Path
from chat.drill.parts.ports import LOOPBACK
from tests.faults.conftest import StartWatched
from tests.faults.following import Follower, Sender, following, new_room, sending
from tests.parts.eventually import eventually
from tests.realtime.arranging import arrange

CLIENTS = 48
DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
REST_S = 20.0


@dataclass(frozen=True, slots=True)
class Client:
    follower: Follower
    path: Path


async def test_a_connection_cut_at_any_byte_comes_back_without_loss_or_repeat(start_watched: StartWatched) -> None:
    watched = start_watched()
    server, window = watched.server, watched.window
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
