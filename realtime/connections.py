"""The WebSockets of this process: how many there may be, of one person and in all, and how they end together."""

import asyncio
import logging
import random
from collections import Counter
from typing import Protocol

from django.conf import settings

from realtime.closing import CloseCode

logger = logging.getLogger(__name__)

Refusal = tuple[CloseCode, str]  # with what, and why in words that name the limit, a connection is to be closed
RESTARTING: Refusal = (CloseCode.SERVICE_RESTART, "the server restarts")


class Connection(Protocol):
    async def leave(self, by: float) -> None:
        """Close with 1012 when what was asked is answered; at `by`, a time of the event loop, without the answers."""
        ...


class Connections:
    """Counts those that are served: from when they were accepted until they are being closed."""

    def __init__(self) -> None:
        self.draining = False
        self._people: dict[Connection, int | None] = {}
        self._of_person: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._people)

    def join(self, connection: Connection) -> Refusal | None:
        """Count one more, of nobody yet."""
        if self.draining:
            return RESTARTING
        limit = settings.REALTIME_MAX_CONNECTIONS
        if len(self) >= limit:
            return CloseCode.TRY_AGAIN_LATER, f"at most {limit} connections to a server (REALTIME_MAX_CONNECTIONS)"
        self._people[connection] = None
        return None

    def introduce(self, connection: Connection, person_id: int) -> Refusal | None:
        """Say whose it is."""
        limit = settings.REALTIME_MAX_CONNECTIONS_PER_PERSON
        if self._of_person[person_id] >= limit:
            said = f"at most {limit} connections of one person (REALTIME_MAX_CONNECTIONS_PER_PERSON)"
            return CloseCode.TRY_AGAIN_LATER, said
        if connection in self._people:  # else it was closed meanwhile
            self._people[connection] = person_id
            self._of_person[person_id] += 1
        return None

    def part(self, connection: Connection) -> None:
        """It is being closed, or was never counted."""
        person_id = self._people.pop(connection, None)
        if person_id is not None:
            self._of_person[person_id] -= 1
            if not self._of_person[person_id]:
                del self._of_person[person_id]

    async def drain(self, within_s: float) -> None:
        """Let all of them leave, spread over the time: those that come back at once would come back all at once."""
        self.draining = True
        by = asyncio.get_running_loop().time() + within_s
        leaving = random.sample(list(self._people), len(self))
        moments = ((place + random.random()) * within_s / len(leaving) for place in range(len(leaving)))  # noqa: S311
        await asyncio.gather(*(_leave(one, after, by) for one, after in zip(leaving, moments, strict=True)))


async def _leave(connection: Connection, after_s: float, by: float) -> None:
    await asyncio.sleep(after_s)
    try:
        await connection.leave(by)
    except Exception:  # the border that lets the others leave
        logger.exception("a connection could not leave")


connections = Connections()
