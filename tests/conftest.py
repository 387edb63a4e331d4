"""Fixtures that start real parts. A part that cannot start fails its tests with the reason."""

import os
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, Page
from pytest_django.plugin import DjangoDbBlocker

from chat.drill.parts import postgres as postgres_part
from chat.drill.parts import redis as redis_part
from chat.drill.parts import server as server_part
from chat.drill.parts.databases import ROOT, PostgresDatabases, SqliteDatabases
from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.postgres import Postgres
from chat.drill.parts.redis import Redis
from chat.drill.parts.server import Server
from config.settings import database as database_settings
from tests.parts import chromium as chromium_part
from tests.parts.proxy import Proxy

TEST_RESULTS = ROOT / "test-results"
REPORT = pytest.StashKey[pytest.TestReport]()


def pytest_configure() -> None:
    """Hash passwords cheaply inside the test process; servers in processes of their own hash as usual."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures see at teardown whether their test failed."""
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


@contextmanager
def failing_with_the_reason() -> Iterator[None]:
    """Turn a part's failure to start into a failed test that says why."""
    try:
        yield
    except PartFailedError as error:
        failure = pytest.fail.Exception(str(error), pytrace=False)
        raise failure from None


# --- Databases ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests' own SQLite database in a file: one in memory has no WAL and locks whole tables."""
    default = settings.DATABASES["default"]
    if default["ENGINE"] == "django.db.backends.sqlite3":
        test = connections.settings["default"].setdefault("TEST", {})
        test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """A running PostgreSQL, shared by all processes of the test run."""
    run = getattr(request.config, "workerinput", {}).get("testrunuid", os.getpid())
    with failing_with_the_reason():
        # Not in pytest's own folder: the server's user has to get in, and every other test run that
        # starts would lock it out again.
        return postgres_part.start(Path(tempfile.gettempdir()) / f"todoku-postgres-{run}")


@pytest.fixture
def own_postgres() -> Postgres:
    """A running PostgreSQL that no other test uses, so that it may be restarted."""
    with failing_with_the_reason():
        return postgres_part.start(Path(tempfile.gettempdir()) / f"todoku-postgres-{uuid.uuid4().hex}")


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """`create()` gives the URL of a fresh, migrated SQLite database in a file."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[PostgresDatabases]:
    """`create()` gives the URL of a fresh, migrated database of the shared PostgreSQL."""
    databases = PostgresDatabases(tmp_path_factory.mktemp("postgres"), postgres)
    yield databases
    databases.drop_all()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database; the test runs once with each kind."""
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{request.param}_databases")
    with failing_with_the_reason():
        return databases.create()


@pytest.fixture
def database(database_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Lead Django's default connection, in all threads, to a fresh database; the test runs once with each kind.

    Nothing is wrapped in a transaction: commits are real, and so are concurrent writers.
    """
    previous = connections.settings["default"]
    with django_db_blocker.unblock():
        connections.close_all()
        connections.settings["default"] = connections.configure_settings({"default": database_settings(database_url)})[
            "default"
        ]
        connections["default"] = connections.create_connection("default")
        try:
            yield database_url
        finally:
            connection = connections["default"]
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
            connections.settings["default"] = previous
            connections["default"] = connections.create_connection("default")


# --- Servers and the network ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A running Redis of this test process; a test that stops it starts it again."""
    with failing_with_the_reason():
        redis = redis_part.start(tmp_path_factory.mktemp("redis"))
    yield redis
    if redis.ours:
        redis.stop()


class StartServer(Protocol):
    """Starts a Todoku server, on a fresh SQLite database unless `database_url` names one."""

    def __call__(
        self, *, database_url: str | None = None, channel_layer_url: str = "memory://", **env: str
    ) -> Server: ...


@contextmanager
def servers(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start servers, and stop those that are still running in the end."""
    with ExitStack() as running:

        def start_server(
            *, database_url: str | None = None, channel_layer_url: str = "memory://", **env: str
        ) -> Server:
            with failing_with_the_reason():
                server = server_part.prepare(
                    tmp_path_factory.mktemp("server"),
                    database_url=database_url or sqlite_databases.create(),
                    channel_layer_url=channel_layer_url,
                    **env,
                )
                running.callback(server.kill)
                server.start()
            return server

        yield start_server


@pytest.fixture
def start_server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start server processes of this test's own."""
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module, on SQLite and the in-memory layer: the embedded default."""
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start()


@pytest.fixture
def start_proxy() -> Iterator[Callable[[Server], Proxy]]:
    """Put a network that can be damaged in front of a server."""
    with ExitStack() as running:

        def start(server: Server) -> Proxy:
            proxy = Proxy(server.port)
            running.callback(proxy.close)
            return proxy

        yield start


# --- Browsers -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium. It ends with its module: see `tests.parts.chromium.running`."""
    with failing_with_the_reason(), chromium_part.running() as browser:
        yield browser


class OpenPage(Protocol):
    """Opens a page in a browser profile of its own; `options` go to Playwright's `new_context`."""

    def __call__(self, url: str, **options: Any) -> Page: ...


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open pages of different people. When the test fails, `test-results/` gets a picture of each."""
    pages: list[Page] = []

    def open_page(url: str, **options: Any) -> Page:
        page = browser.new_context(base_url=url, **options).new_page()
        pages.append(page)
        page.goto(url)
        return page

    yield open_page

    report = request.node.stash.get(REPORT, None)
    for number, page in enumerate(pages, start=1):
        if report is not None and report.failed and not page.is_closed():
            page.screenshot(path=TEST_RESULTS / f"{request.node.name}-{number}.png", full_page=True)
        page.context.close()
