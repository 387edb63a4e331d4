"""Listeners by the hundred: each follows one room and keeps nothing of it, but says what it was told."""

import asyncio
from random import Random
from time import monotonic

from chat.drill.clients.answer import Json
from chat.drill.clients.asking import Asking, SignedOutError
from chat.drill.clients.client import Person
from chat.drill.clients.connection import Connection
from chat.drill.clients.documents import PLACE
from chat.drill.clients.endpoint import Endpoint
from chat.drill.clients.feed import Feed
from chat.drill.clients.settings import Settings
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Closed, Follows, Opened, Recorder

FLAVOUR = "crowd"
AT_ONCE = 20


class Listener:
    """One WebSocket with one subscription."""

    def __init__(
        self, url: str, person: Person, room: str, *, name: str, path: str, recorder: Recorder, random: Random,
        settings: Settings,
    ) -> None:  # fmt: skip
        self.name = name
        self._person = person
        self._room = room
        self._path = path
        self._recorder = recorder
        self._tasks = Tasks(self._expected)
        self._endpoint = Endpoint(url, person.token, timeout_s=settings.request_s)
        self._asking = Asking(self._endpoint, settings=settings, random=random)
        self._connection = Connection(
            url, person.token, settings=settings, random=random, recorder=recorder, client=name
        )  # fmt: skip
        self.feed = Feed(
            room, self._connection, self, settings=settings, random=random, recorder=recorder, client=name
        )  # fmt: skip

    async def start(self) -> None:
        """Fetch where the room stands, and follow it from there."""
        self._recorder.add(Opened(monotonic(), self.name, self.name, self._person.id, FLAVOUR, self._path))
        self._connection.start(self._tasks)
        try:
            await self._begin()
        except SignedOutError:
            self._connection.give_up()

    async def stop(self) -> None:
        self._recorder.add(Closed(monotonic(), self.name))
        self.feed.stop()
        await self._connection.stop()
        await self._tasks.stop()
        await self._endpoint.close()

    def _expected(self, error: BaseException) -> bool:
        if isinstance(error, SignedOutError):
            self._connection.give_up()
            return True
        return False

    async def _begin(self) -> None:
        room = (await self._asking.fetch(PLACE, {"room": self._room}))["room"]
        if room is None:
            self.feed.end()
            return
        reset_to = self.feed.reset_to
        self._recorder.add(
            Follows(monotonic(), self.name, self._room, room["lastSeq"], reset_to or room["cursor"])
        )  # fmt: skip
        if reset_to is None:
            self.feed.follow(room["cursor"], room["lastSeq"])
        else:
            self.feed.go_on()

    # ------------------------------------------------------------------ what the feed wants

    def apply(self, event: Json) -> None:
        """Nothing is kept."""

    def read_again(self) -> None:
        """Nothing is kept."""

    def told_up_to(self) -> int:
        return 0  # it hears events alone

    def start_anew(self) -> None:
        self._tasks.start(self._begin())


class Crowd:
    """Listeners of one person in one room, who share a path."""

    def __init__(
        self, url: str, person: Person, room: str, size: int, *, name: str, path: str, recorder: Recorder,
        random: Random, settings: Settings,
    ) -> None:  # fmt: skip
        self.listeners = [
            Listener(
                url, person, room, name=f"{name}.{number}", path=path, recorder=recorder, random=random,
                settings=settings,
            )
            for number in range(size)
        ]  # fmt: skip

    async def start(self) -> None:
        """Returns when all have fetched where the room stands."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def start(listener: Listener) -> None:
            async with turns:
                await listener.start()

        await asyncio.gather(*(start(listener) for listener in self.listeners))

    def reached(self, seq: int) -> int:
        """How many have come as far as this."""
        return sum((listener.feed.position or 0) >= seq for listener in self.listeners)

    async def stop(self) -> None:
        await asyncio.gather(*(listener.stop() for listener in self.listeners))
