"""What a supervisor is told of a server: whether it lives, and whether it should be sent anybody."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from chat.drill.parts.databases import SqliteDatabases, environment, manage
from chat.drill.parts.postgres import Postgres
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from realtime.health import ANSWER_TIMEOUT_S, FRESH_S, Database
from tests.conftest import StartServer, servers
from tests.realtime.raw import raw, until_deaf

ALIVE = {"status": "alive"}
READY = {"status": "ready"}
AWAY = {"status": "not ready", "why": "the database does not answer"}
PATHS = ("/healthz", "/readyz")
LONG_S = "30"
NOTICED_WITHIN_S = FRESH_S + ANSWER_TIMEOUT_S + 2


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that redirects all that Django answers to https."""
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(HTTPS="1", ALLOWED_HOSTS="chat.example.org")


def ask(server: Server, path: str) -> tuple[int, dict[str, str]]:
    answer = httpx.get(server.url + path, timeout=10)
    return answer.status_code, answer.json()


def until_ready_is(server: Server, status: int, said: dict[str, str]) -> None:
    """Wait until `/readyz` says so. Whatever it says, the process lives."""
    until(lambda: ask(server, "/readyz") == (status, said), within_s=NOTICED_WITHIN_S, what=f"{status} {said}")
    assert ask(server, "/healthz") == (200, ALIVE)


def test_a_server_lives_and_is_ready_whatever_host_it_is_asked_for_and_nobody_else_is_in_the_way(
    server: Server,
) -> None:
    for path, said in zip(PATHS, (ALIVE, READY), strict=True):
        answer = httpx.get(server.url + path, headers={"Host": "10.0.0.7"})
        assert (answer.status_code, answer.json()) == (200, said)
        assert {name for name in answer.headers if name != "date"} == {
            "content-type",
            "content-length",
            "cache-control",
        }
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_the_head_alone_says_it_too(server: Server, path: str) -> None:
    answer = httpx.head(server.url + path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_asking_is_allowed(server: Server, method: str, path: str) -> None:
    answer = httpx.request(method, server.url + path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/x", "//readyz"])
def test_other_paths_are_left_to_the_pages(server: Server, path: str) -> None:
    assert httpx.get(server.url + path, headers={"Host": "chat.example.org"}).status_code in (301, 404)


def test_without_the_tables_of_its_version_a_server_is_not_ready(start_server: StartServer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/fresh.sqlite3"
    server = start_server(database_url=url)
    until_ready_is(server, 503, {"status": "not ready", "why": "migrations are not applied"})
    manage("migrate", "--verbosity", "0", env=environment(var=tmp_path, database_url=url))
    until_ready_is(server, 200, READY)


def test_with_a_file_that_is_no_database_a_server_is_not_ready(start_server: StartServer) -> None:
    server = start_server()
    path = Path(server.env["DATABASE_URL"].removeprefix("sqlite:///"))
    until_ready_is(server, 200, READY)
    good = path.rename(path.with_suffix(".good"))
    path.write_bytes(b"what a broken disk leaves" * 1000)
    until_ready_is(server, 503, AWAY)
    good.replace(path)
    until_ready_is(server, 200, READY)


def test_while_postgresql_is_away_a_server_is_not_ready(own_postgres: Postgres, start_server: StartServer) -> None:
    url = own_postgres.url_of(own_postgres.create_database())
    server = start_server(database_url=url)
    server.manage("migrate", "--verbosity", "0")
    until_ready_is(server, 200, READY)
    with frozen(own_postgres):
        until_ready_is(server, 503, AWAY)
    until_ready_is(server, 200, READY)
    own_postgres.stop()
    until_ready_is(server, 503, AWAY)


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """Its processes are there and do nothing."""
    assert postgres.data is not None, "the PostgreSQL that was given is not ours to stop"
    first = psutil.Process(int((postgres.data / "postmaster.pid").read_text().split()[0]))
    processes = [first, *first.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def test_a_server_that_ends_lives_and_is_not_ready(start_server: StartServer) -> None:
    server = start_server(REALTIME_DRAIN=LONG_S)
    async with raw(server.port) as staying, raw(server.port) as first, raw(server.port) as second:
        await staying.shake_hands()
        await first.say(request("/readyz"))
        assert (await first.response()).endswith('{"status": "ready"}')
        server.signal(signal.SIGTERM)
        await until_deaf(server.pid)
        await first.say(request("/readyz"))
        answer = await first.response()
        assert answer.startswith("HTTP/1.1 503 ")
        assert answer.endswith('{"status": "not ready", "why": "the server is ending"}')
        await second.say(request("/healthz"))
        assert (await second.response()).endswith('{"status": "alive"}')


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def test_however_many_ask_the_database_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def look(_: Database) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(Database, "_look", look)
    database = Database()
    for _ in range(3):
        assert await asyncio.gather(*(database.complaint() for _ in range(100))) == [None] * 100
    assert looks == 1
