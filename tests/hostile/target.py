"""The server under attack, and what is asked of it while and after it is attacked."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import httpx
import psutil  # type: ignore[import-untyped]

from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from tests.hostile import raw
from tests.hostile.inside import Inside, Window
from tests.hostile.raw import Wire
from tests.parts.peer import bearing, introduced
from tests.realtime.arranging import Community, Person

# As a test's server is set, so that nobody waits long.
INIT_TIMEOUT_S = 1.0
REQUEST_TIMEOUT_S = 2.0
STALL_TIMEOUT_S = 2.0
MAX_OPERATIONS = 50

AT_REST_LIMIT_S = 20.0
WHO = "{ viewer { username } }"


class Target:
    """One server process. The first of its people attack, the last is the next client."""

    stall_timeout_s = STALL_TIMEOUT_S
    max_operations = MAX_OPERATIONS

    def __init__(self, server: Server, window: Window, community: Community) -> None:
        self.server = server
        self.community = community
        self._window = window
        self._process = psutil.Process(server.pid)

    @property
    def attacker(self) -> Person:
        return self.community.people[0]

    @property
    def room_id(self) -> str:
        return self.community.room_id

    # ------------------------------------------------------------------ ways in

    def handshake(self, headers: Mapping[str, str] | None = None) -> bytes:
        return raw.handshake(self.server.port, headers)

    def wired(self, *, narrow: bool = False) -> AbstractAsyncContextManager[Wire]:
        return raw.wired(self.server.port, narrow=narrow)

    def upgraded(
        self, headers: Mapping[str, str] | None = None, *, narrow: bool = False
    ) -> AbstractAsyncContextManager[Wire]:
        return raw.upgraded(self.server.port, headers, narrow=narrow)

    def acknowledged(self, *, narrow: bool = False) -> AbstractAsyncContextManager[Wire]:
        return raw.acknowledged(self.server.port, self.attacker.token, narrow=narrow)

    def http(self) -> httpx.AsyncClient:
        """A client that shows the attacker's token."""
        return httpx.AsyncClient(base_url=self.server.url, headers=bearing(self.attacker.token), timeout=30)

    # ------------------------------------------------------------------ what is seen of it

    def cpu_s(self) -> float:
        return self._window.cpu_s()

    def inside(self) -> Inside:
        return self._window.inside()

    def resident_bytes(self) -> int:
        resident: int = self._process.memory_info().rss
        return resident

    async def at_rest(self, before: Inside) -> None:
        """Wait until nothing of an attack is left inside."""
        left = ["nothing was counted"]

        def nothing_is_left() -> bool:
            left[0] = self.inside().beyond(before)
            return not left[0]

        try:
            await asyncio.to_thread(until, nothing_is_left, within_s=AT_REST_LIMIT_S, what="The end of the attack")
        except TimeoutError as error:
            raise AssertionError(f"the attack has left something inside: {left[0]}") from error

    async def serve_next_client(self) -> float:
        """Let somebody come who means well, over both transports; the seconds until both have their answers."""
        assert self._process.is_running()
        person = self.community.people[-1]
        expected = {"data": {"viewer": {"username": person.username}}}

        async def over_http() -> None:
            async with httpx.AsyncClient(base_url=self.server.url, headers=bearing(person.token)) as client:
                assert (await client.post("/graphql", json={"query": WHO})).json() == expected

        async def over_websocket() -> None:
            async with introduced(self.server.websocket_url, person.token) as peer:
                assert await peer.execute(WHO) == expected

        return await _timed(over_http) + await _timed(over_websocket)


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun
