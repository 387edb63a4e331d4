"""What a supervisor asks: `/healthz`, does this process live; `/readyz`, should it be sent anybody.

Answered before Django, so neither a middleware nor a wrong Host header makes a healthy process look ill. Who asks often
costs no more than one small query in a second.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from realtime.connections import connections
from realtime.models import Stream
from realtime.threads import Lane

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 2.0
FRESH_S = 1.0
PATHS = ("/healthz", "/readyz")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_HEALTH = Lane("health", lambda: 1)  # its own: work that waits for a locked row says nothing of the database


class Database:
    """Whether it answers and has the tables of this version, as found out a moment ago at most."""

    def __init__(self) -> None:
        self._migrated = False
        self._complaint: str | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[str | None] | None = None

    async def complaint(self) -> str | None:
        """What is wrong with it, or None. There is never more than one question on its way."""
        if self._asking is None and time.monotonic() - self._asked_at < FRESH_S:
            return self._complaint
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        try:
            return await asyncio.wait_for(asyncio.shield(self._asking), ANSWER_TIMEOUT_S)
        except TimeoutError:
            return "the database does not answer"

    async def _ask(self) -> str | None:
        try:
            self._complaint = await _HEALTH.run(self._look)
        except DatabaseError as error:
            logger.warning("not ready, the database is away: %s", error)
            self._complaint = "the database does not answer"
        finally:
            self._asked_at = time.monotonic()
            self._asking = None
        return self._complaint

    def _look(self) -> str | None:
        try:
            if not self._migrated:
                executor = MigrationExecutor(connection)
                if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                    return "migrations are not applied"
                self._migrated = True
            Stream.objects.exists()  # SQLite wouldn't look at its file for less
            return None
        finally:
            connection.close()  # who has SQLite's file open doesn't notice that it has gone


_database = Database()


async def health(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application of both paths."""
    await receive()
    if scope["method"] not in ("GET", "HEAD"):
        await _answer(send, 405, {"status": "method not allowed"}, (b"allow", b"GET, HEAD"))
    elif scope["path"] == "/healthz":
        await _answer(send, 200, {"status": "alive"})
    elif why := "the server is ending" if connections.draining else await _database.complaint():
        await _answer(send, 503, {"status": "not ready", "why": why})
    else:
        await _answer(send, 200, {"status": "ready"})


async def _answer(send: Send, status: int, said: dict[str, str], *more: tuple[bytes, bytes]) -> None:
    body = json.dumps(said).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
