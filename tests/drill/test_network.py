"""The network between clients and servers: what it leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chat.drill.network import Network, Path
from chat.drill.parts.ports import LOOPBACK
from tests.parts.eventually import eventually

CONNECTIONS = 5
CHATTER = b"." * 1_000_000  # more than any buffer takes

Weather = Callable[[Path], Awaitable[None]]


async def fine(path: Path) -> None:
    """As it begins."""


async def slow(path: Path) -> None:
    path.slow(1_000)


@pytest.mark.parametrize("weather", [fine, slow, Path.stall, Path.stop_reading, Path.lose_answers])
async def test_nothing_runs_in_a_network_that_is_closed(weather: Weather) -> None:
    def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHATTER)

    async with await asyncio.start_server(talk, LOOPBACK, 0) as backend:
        before = asyncio.all_tasks()
        network = Network([backend.sockets[0].getsockname()])
        path = await network.open_path("the only one")
        await weather(path)
        writers = [(await asyncio.open_connection(LOOPBACK, path.port))[1] for _ in range(CONNECTIONS)]
        await eventually(lambda: path.open_connections == CONNECTIONS, what="the connections")
        await network.close()
        assert asyncio.all_tasks() == before
        assert path.open_connections == 0
        for writer in writers:
            writer.close()
