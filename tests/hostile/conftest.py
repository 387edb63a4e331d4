"""A server that tells what it has inside, and the people of whom one attacks it."""

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.ports import LOOPBACK, free_port
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
    folder = tmp_path_factory.mktemp("server")
    server = server_part.prepare(
        folder,
        database_url=sqlite_databases.create(),
        DEBUG="0",  # else Django keeps thousands of each thread's queries
        HTTPS="0",
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS=LOOPBACK,
        STATIC_ROOT=str(folder / "static"),
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
        server.manage("collectstatic", "--noinput", "--verbosity=0")
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
