"""The drilled installation's database: made, saved, put back, and damaged."""

import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from chat.drill.parts.postgres import Postgres


class Database(Protocol):
    """What a drill does with either kind. All of it blocks."""

    kind: str

    @property
    def url(self) -> str: ...

    def save(self) -> str:
        """Take a backup, consistent and complete; returns its name, as the steward takes it."""
        ...

    def put_back(self, backup: str) -> str:
        """Put the backup in the place of the database, in one step. Returns what the earlier one is called now."""
        ...

    def lock(self) -> AbstractContextManager[str]:
        """A context in which nobody else can append to a room; it says what is locked."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class SqliteDatabase:
    """A file in a folder of its own, which is reached through a link: so one step replaces it with all that belongs to
    it, and no process ever sees the file of one state with the write-ahead log of another."""

    folder: Path
    kind: str = "sqlite"
    _states: int = 1

    def __post_init__(self) -> None:
        (self.folder / "state-1").mkdir(parents=True)
        self._link.symlink_to("state-1")

    @property
    def _link(self) -> Path:
        return self.folder / "data"

    @property
    def file(self) -> Path:
        return self._link / "todoku.sqlite3"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def save(self) -> str:
        """Takes SQLite's own way to copy a database that is in use."""
        backup = self.folder / f"backup-{uuid.uuid4().hex}.sqlite3"
        with sqlite3.connect(self.file) as source, sqlite3.connect(backup) as copy:
            source.backup(copy)
        source.close()
        copy.close()
        return str(backup)

    def put_back(self, backup: str) -> str:
        self._states += 1
        state = self.folder / f"state-{self._states}"
        state.mkdir()
        shutil.copyfile(backup, state / self.file.name)
        earlier = self._link.resolve()
        link = self.folder / "data.new"
        link.symlink_to(state.name)
        link.rename(self._link)
        return str(earlier / self.file.name)

    @contextmanager
    def lock(self) -> Iterator[str]:
        """SQLite knows one lock for writers: while it is held, nobody writes at all."""
        with sqlite3.connect(self.file, timeout=20, isolation_level=None, check_same_thread=False) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield "the database's write lock"
            finally:
                connection.execute("ROLLBACK")
        connection.close()

    def close(self) -> None:
        """Nothing stays open."""


@dataclass(slots=True)
class PostgresDatabase:
    """A database of its own on a server that is ours or was given to us."""

    server: Postgres
    name: str = field(default_factory=lambda: f"todoku_drill_{uuid.uuid4().hex}")
    kind: str = "postgres"
    _made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(self.name)))
        self._made.append(self.name)

    @property
    def url(self) -> str:
        return self.server.url_of(self.name)

    def save(self) -> str:
        """A copy by template, for which everybody is thrown out for a moment."""
        backup = f"{self.name}_{len(self._made)}"
        with self._nobody_inside(self.name):
            self._copy(self.name, backup)
        return backup

    def put_back(self, backup: str) -> str:
        earlier = f"{self.name}_{len(self._made)}"
        with self._nobody_inside(self.name):
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            self._administer(rename.format(sql.Identifier(self.name), sql.Identifier(earlier)))
            self._made.append(earlier)
            self._copy(backup, self.name)
        self._allow(earlier, True)
        return earlier

    @contextmanager
    def lock(self) -> Iterator[str]:
        """The rows of all streams, as a transaction holds them that has stopped half-way."""
        with psycopg.connect(self.url) as connection:
            count = connection.execute("SELECT id FROM realtime_stream FOR UPDATE").rowcount
            yield f"the rows of {count} streams"
            connection.rollback()

    def terminate(self) -> int:
        """Throw out everybody who is connected, and say how many they were."""
        query = sql.SQL(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = {} AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return self._ask(query.format(sql.Literal(self.name)))

    @contextmanager
    def crowded(self) -> Iterator[int]:
        """Take every connection that the server still gives; says how many these were."""
        with ExitStack() as held:
            count = 0
            while True:
                try:
                    held.enter_context(psycopg.connect(self.url, connect_timeout=5))
                except psycopg.OperationalError:
                    break
                count += 1
            yield count

    def close(self) -> None:
        """Remove what was made."""
        for name in self._made:
            self.server.drop_database(name)

    @contextmanager
    def _nobody_inside(self, name: str) -> Iterator[None]:
        self._allow(name, False)
        try:
            self.terminate()
            while self._ask(
                sql.SQL("SELECT count(*) FROM pg_stat_activity WHERE datname = {}").format(sql.Literal(name))
            ):
                threading.Event().wait(0.01)
            yield
        finally:
            self._allow(self.name, True)

    def _allow(self, name: str, allowed: bool) -> None:
        statement = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
        self._administer(statement.format(sql.Identifier(name), sql.Literal(allowed)))

    def _copy(self, source: str, target: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._administer(statement.format(sql.Identifier(target), sql.Identifier(source)))
        self._made.append(target)

    def _administer(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(statement)

    def _ask(self, query: sql.SQL | sql.Composed) -> int:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0
