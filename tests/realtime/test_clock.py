"""A server measures with a clock that nobody sets: the wall clock may jump."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from chat.drill.hooks.points import CLOCK
from chat.drill.orders import Orders
from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.waiting import until
from chat.drill.server import FOLDER, NUMBER
from realtime.closing import CloseCode
from tests.parts.peer import connected, introduced, send
from tests.realtime.arranging import arrange
from tests.realtime.raw import raw

INIT_TIMEOUT_S = 1.0
REQUEST_TIMEOUT_S = 4.0
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("shift_s", [600, -600])
async def test_when_the_clock_is_set_nobody_is_cut_off_nor_kept_for_ever(
    sqlite_databases: SqliteDatabases, tmp_path: Path, shift_s: int
) -> None:
    orders = Orders(tmp_path)
    server = server_part.prepare(
        tmp_path / "server",
        database_url=sqlite_databases.create(),
        REALTIME_INIT_TIMEOUT=str(INIT_TIMEOUT_S),
        REALTIME_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT_S),
        REALTIME_DRAIN="0.5",
        **{FOLDER: str(tmp_path), NUMBER: "1"},
    )
    server.module = "chat.drill.server"
    try:
        await asyncio.to_thread(server.start)
        community = arrange(server, "aiko", "ben")
        aiko, ben = community.people
        async with (
            introduced(server.websocket_url, aiko.token) as peer,
            raw(server.port) as idle,
            raw(server.port) as unfinished,
            connected(server.websocket_url) as silent,
            httpx.AsyncClient() as client,
        ):
            await peer.follow(community.room_id)
            for one in (idle, unfinished):
                await one.say(ALIVE)
                await one.response()
            await unfinished.say(ALIVE[:10])
            seqs = [await send(client, server.url, ben.token, community.room_id, "before")]
            orders.give(CLOCK, str(shift_s))
            await asyncio.to_thread(until, lambda: orders.reports(CLOCK), within_s=10, what="Another time of day")

            seqs.append(await send(client, server.url, ben.token, community.room_id, "after"))
            await peer.until_seq(seqs[-1], within_s=1)
            assert peer.seqs() == seqs
            await idle.say(ALIVE)
            assert (await idle.response()).startswith("HTTP/1.1 200 ")
            assert await silent.closed(INIT_TIMEOUT_S + 2) == CloseCode.INITIALISATION_TIMEOUT
            assert (await unfinished.response()).startswith("HTTP/1.1 408 ")
            assert await idle.until_end() == b""
            server.signal(signal.SIGTERM)
            assert await peer.closed() == CloseCode.SERVICE_RESTART
            assert await asyncio.to_thread(server.wait_for_end, 10) == 0
    finally:
        server.kill()
