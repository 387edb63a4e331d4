"""Installations for all tests of the folder: a fault that one of them does not get over fails the next test, too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chat.drill.parts.databases import SqliteDatabases
from tests.conftest import failing_with_the_reason
from tests.faults.site import Site, Watched, on_postgres, on_sqlite, watched


@pytest.fixture(scope="session")
def sqlite_site(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two processes on one SQLite file, without a layer between them."""
    with failing_with_the_reason(), on_sqlite(tmp_path_factory.mktemp("site"), sqlite_databases, processes=2) as site:
        yield site


@pytest.fixture(scope="session")
def postgres_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three processes on PostgreSQL and Redis, both of their own."""
    with failing_with_the_reason(), on_postgres(tmp_path_factory.mktemp("site"), processes=3) as site:
        yield site


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest) -> Site:
    """Each of the two in turn."""
    found: Site = request.getfixturevalue(f"{request.param}_site")
    return found


StartWatched = Callable[..., Watched]


@pytest.fixture
def start_watched(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWatched]:
    """Start a server of this test's own, with a window to its inside; what is named sets its environment."""
    with failing_with_the_reason(), ExitStack() as running:

        def start(**env: str) -> Watched:
            folder = tmp_path_factory.mktemp("watched")
            return running.enter_context(watched(folder, sqlite_databases.create(), **env))

        yield start
