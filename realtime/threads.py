"""Worker threads for what blocks. They keep their database connections; an event loop has none."""

import asyncio
import os
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from threading import local
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connections, reset_queries
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection
from psycopg_pool import ConnectionPool
from psycopg_pool.base import AttemptWithBackoff

P = ParamSpec("P")
R = TypeVar("R")

DELIVERY_THREADS = 2  # the hub's pump and its sweep
RECONNECT_INTERVAL_S = 0.5


class Lane:
    """Threads for one kind of work. What one lane waits for (a locked row, a long replay) holds up no other."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._size = size

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=self._size(), thread_name_prefix=self._name)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in one of the threads: one hop there and back."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(_run, work, *args, **kwargs))

    def renew(self) -> None:
        """Wait for what runs; what comes next is done by new threads, with new connections."""
        if (pool := self.__dict__.pop("_pool", None)) is not None:
            pool.shutdown()


DELIVERY = Lane("delivery", lambda: DELIVERY_THREADS)  # the hub alone: it reads the log, and waits for nobody's lock
READING = Lane("reading", lambda: settings.REALTIME_THREADS)  # openings, replays, who it is
# HTTP requests, and what is executed over WebSockets. They may wait for a row that somebody holds. Those that wait for
# a thread wait in their order; more at once would only take the machine from the deliveries.
REQUESTS = Lane("requests", lambda: settings.REQUESTS_AT_ONCE)

in_thread = READING.run


def renew() -> None:
    """`Lane.renew` for all of them: where the database is another one."""
    for lane in (DELIVERY, READING, REQUESTS):
        lane.renew()


def _run(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    reset_queries()  # while debugging Django keeps thousands for each thread; it forgets them at each request's begin
    for connection in connections.all():
        if connection.vendor == "sqlite":
            _leave_a_replaced_file(connection)
    try:
        return work(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            # PostgreSQL's goes back to the pool, which tests it. SQLite's stays: opening it costs as much as a write.
            if connection.vendor != "sqlite" or connection.errors_occurred:
                connection.close_if_unusable_or_obsolete()


_files = local()


def _leave_a_replaced_file(connection: BaseDatabaseWrapper) -> None:
    """Close a connection whose file another one has taken the place of.

    A backup that is copied over a running installation would otherwise be seen by requests, whose connections are new,
    and never by the hub.
    """
    try:
        found = os.stat(connection.settings_dict["NAME"])  # noqa: PTH116  (each request asks; a Path costs three times it)
    except OSError:
        return  # in memory, or just being replaced
    now = (found.st_dev, found.st_ino)
    # Known from before it was opened: whoever looks afterwards may see the file that came after it.
    if getattr(_files, connection.alias, None) != now:
        connection.close()
    setattr(_files, connection.alias, now)


def adapt_pool() -> None:
    """Let the pool of connections to PostgreSQL try again every half second, and ask the server nothing when it lends
    one that has heard nothing.

    By itself it waits one second, then two, then four (psycopg_pool 3.3 has no setting for that): after a restart of
    PostgreSQL, processes that were ready again heard nothing for up to 3.6 s. And it tests each connection with a
    round trip, which Django gives no way to do otherwise (5.2).
    """
    AttemptWithBackoff.INITIAL_DELAY = RECONNECT_INTERVAL_S
    AttemptWithBackoff.DELAY_BACKOFF = 1.0
    ConnectionPool.check_connection = staticmethod(_check_if_it_said_something)  # type: ignore[assignment, method-assign]


_ask = ConnectionPool.check_connection


def _check_if_it_said_something(connection: "Connection[Any]") -> None:
    """PostgreSQL says nothing on its own to a connection that nobody uses, but that it ends it."""
    said = select.poll()
    said.register(connection.fileno(), select.POLLIN)
    if said.poll(0):
        _ask(connection)
