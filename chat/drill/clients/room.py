"""A room as one client follows it: fetched, then kept up to date by its feed."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from time import monotonic
from typing import Any

from chat.drill.clients.answer import Json
from chat.drill.clients.asking import Asking
from chat.drill.clients.connection import Connection
from chat.drill.clients.documents import MEMBERSHIP, MORE_MEMBERS, OLDER_MESSAGES, ROOM
from chat.drill.clients.feed import Feed, State
from chat.drill.clients.settings import Settings
from chat.drill.clients.state import RoomCache
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Follows, Recorder, RoomState

STALE_PAGE = "stale-page"
REREAD_SIZE = 30


class Room:
    """What a client has of a room it may read."""

    def __init__(
        self, key: str, asking: Asking, connection: Connection, tasks: Tasks, *, settings: Settings, random: Random,
        recorder: Recorder, client: str,
    ) -> None:  # fmt: skip
        self.key = key
        self.cache: RoomCache | None = None
        """What is fetched is written into the cache that was there when it was asked for, or nowhere."""
        self._asking = asking
        self._tasks = tasks
        self._settings = settings
        self._recorder = recorder
        self._client = client
        self._news: list[Callable[[RoomCache], None]] = []
        """What came while the room was being fetched or read again."""
        self._fetching: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.feed = Feed(
            key, connection, self, settings=settings, random=random, recorder=recorder, client=client
        )  # fmt: skip

    async def open(self) -> None:
        """Fetch the room and follow it. One that the viewer may not read has ended."""
        self.start_anew()
        if self._fetching is not None:
            await asyncio.wait([self._fetching])

    def tell(self, news: Callable[[RoomCache], None]) -> None:
        """Something that the inbox says of the room."""
        if self._fetching is not None:
            self._news.append(news)
        if self.cache is not None:
            news(self.cache)
            self._changed.set()

    def read_standing(self) -> None:
        """Ask again how the viewer stands in the room."""
        self._tasks.start(self._read_standing())

    def state(self) -> RoomState | None:
        """None where the viewer may not read the room, or it isn't fetched yet."""
        return None if self.cache is None or self.feed.state is State.ENDED else self.cache.state()

    def stop(self) -> None:
        self.feed.stop()

    async def look_again(self) -> None:
        """Read the newest page once more, as somebody does who scrolls."""
        cache = self.cache
        page = await self._newest_page()
        if cache is not None and page is not None and self.cache is cache:
            cache.reread(page)

    async def _newest_page(self) -> Json | None:
        variables = {"room": self.key, "size": REREAD_SIZE, "before": None}
        room = (await self._asking.fetch(OLDER_MESSAGES, variables))["room"]
        return None if room is None else room["messages"]

    async def _write_stale_pages(self, cache: RoomCache) -> None:
        """The seeded mistake: pages that come late are written over what events have said meanwhile."""
        while self.cache is cache:
            self._changed.clear()
            page = await self._newest_page()
            await self._changed.wait()
            if page is not None and self.cache is cache and cache.is_newer_than(page):
                cache.reread(page, guarded=False)

    # ------------------------------------------------------------------ what the feed wants

    def apply(self, event: Json) -> None:
        agrees = self.cache is None or self.cache.agrees(event)
        self.tell(lambda cache: cache.apply(event))
        if not agrees:
            self.read_again()

    def told_up_to(self) -> int:
        return 0 if self.cache is None else self.cache.told_up_to

    def start_anew(self) -> None:
        self.cache = None
        self._fetch(self._start_anew())

    def read_again(self) -> None:
        if self.cache is not None:
            self._fetch(self._read_again())

    def _fetch(self, how: Coroutine[Any, Any, None]) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        self._news.clear()
        self._fetching = self._tasks.start(how)

    async def _start_anew(self) -> None:
        room = await self._read()
        if self.feed.state is not State.FETCHING:
            return
        if room is None:
            self.feed.end()
            return
        self._fill(room)
        reset_to = self.feed.reset_to
        self._recorder.add(
            Follows(monotonic(), self._client, self.key, room["lastSeq"], reset_to or room["cursor"])
        )  # fmt: skip
        if reset_to is None:
            self.feed.follow(room["cursor"], room["lastSeq"])
        else:
            self.feed.go_on()

    async def _read_again(self) -> None:
        if (room := await self._read()) is not None:
            self._fill(room)

    async def _read(self) -> Json | None:
        variables = {"room": self.key, "size": self._settings.page_size}
        room: Json | None = (await self._asking.fetch(ROOM, variables))["room"]
        self._fetching = None
        return room

    def _fill(self, room: Json) -> None:
        self.cache = RoomCache(room)
        for news in self._news:
            news(self.cache)
        self._news.clear()
        self._changed.set()
        self._tasks.start(self._load_rest(self.cache))
        if STALE_PAGE in self._settings.bugs:
            self._tasks.start(self._write_stale_pages(self.cache))

    async def _load_rest(self, cache: RoomCache) -> None:
        await load_rest(
            self._asking, cache, self.key, size=self._settings.page_size, wanted=lambda: self.cache is cache
        )

    async def _read_standing(self) -> None:
        cache = self.cache
        room = (await self._asking.fetch(MEMBERSHIP, {"room": self.key}))["room"]
        if room is not None and cache is not None and self.cache is cache:
            cache.saw_membership(room["viewerMembership"])


async def load_rest(
    asking: Asking, cache: RoomCache, room: str, *, size: int, wanted: Callable[[], bool] = lambda: True
) -> None:
    """Fetch the older messages and the further members, page by page, as long as they are wanted."""
    while cache.more_members is not None and wanted():
        variables = {"room": room, "size": size, "after": cache.more_members}
        page = (await asking.fetch(MORE_MEMBERS, variables))["room"]
        if page is None:
            return
        if wanted():
            cache.write_members(page["members"])
    while cache.older is not None and wanted():
        variables = {"room": room, "size": size, "before": cache.older}
        page = (await asking.fetch(OLDER_MESSAGES, variables))["room"]
        if page is None:
            return
        if wanted():
            cache.write_messages(page["messages"])
