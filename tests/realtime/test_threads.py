"""The worker threads, and the connections that they keep."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection, connections
from pytest_django.plugin import DjangoDbBlocker

from config.settings import database as database_settings
from realtime.threads import Lane


def write(file: Path, word: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE words (word)")
        database.execute("INSERT INTO words VALUES (?)", [word])
        database.commit()


def read() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM words")
        return str(cursor.fetchone()[0])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """The database of threads that begin now."""
    file = tmp_path / "todoku.sqlite3"
    settings = connections.configure_settings({"default": database_settings(f"sqlite:///{file}")})
    monkeypatch.setitem(connections.settings, "default", settings["default"])
    with django_db_blocker.unblock():
        yield file


@pytest.mark.parametrize("times", range(4))
async def test_a_thread_sees_the_file_that_has_taken_the_place_of_its_own(
    file: Path, tmp_path: Path, times: int
) -> None:
    lane = Lane("test", lambda: 1)
    write(file, "before")
    for _ in range(times):
        assert await lane.run(read) == "before"
    another = tmp_path / "another"
    write(another, "after")
    another.replace(file)
    assert await lane.run(read) == "after"
    await asyncio.to_thread(lane.renew)
