"""A server that tells what it has inside, and the people of whom one attacks it."""

import asyncio
from collections.abc import Iterator

import pytest

from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.ports import free_port
from tests.conftest import failing_with_the_reason
from tests.hostile.inside import PORT_VARIABLE, Window
from tests.hostile.target import (
    INIT_TIMEOUT_S,
    MAX_DISTINCT_OPERATIONS,
    MAX_OPERATIONS,
    OUTBOUND_BYTES,
    REQUEST_TIMEOUT_S,
    STALL_TIMEOUT_S,
    Target,
)
from tests.realtime.arranging import arrange


@pytest.fixture(scope="package")
def target(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One server for all attacks: what one does to it must not harm the next."""
    window_port = free_port()
    server = server_part.prepare(
        tmp_path_factory.mktemp("server"),
        database_url=sqlite_databases.create(),
        REALTIME_INIT_TIMEOUT=str(INIT_TIMEOUT_S),
        REALTIME_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT_S),
        REALTIME_OUTBOUND_BYTES=str(OUTBOUND_BYTES),
        REALTIME_STALL_TIMEOUT=str(STALL_TIMEOUT_S),
        REALTIME_MAX_OPERATIONS=str(MAX_OPERATIONS),
        REALTIME_MAX_DISTINCT_OPERATIONS=str(MAX_DISTINCT_OPERATIONS),
        MALLOC_ARENA_MAX="1",  # else what the allocator keeps for each thread looks like what the program holds
        **{PORT_VARIABLE: str(window_port)},
    )
    server.module = "tests.hostile.watched"
    with failing_with_the_reason():
        server.start()
    try:
        window = Window(window_port)
        try:
            target = Target(server, window, arrange(server, "mallory", "ben", "chie"))
            asyncio.run(target.warm_up())
            yield target
        finally:
            window.close()
    finally:
        server.kill()
