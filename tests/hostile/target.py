"""The server under attack, and what is asked of it while and after it is attacked."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from tests.hostile import raw
from tests.hostile.inside import Inside, Window
from tests.hostile.raw import Wire, message
from tests.parts.peer import bearing
from tests.realtime.arranging import Community, Person

# As a test's server is set, so that nobody waits long.
INIT_TIMEOUT_S = 1.0
REQUEST_TIMEOUT_S = 0.6
STALL_TIMEOUT_S = 0.5
OUTBOUND_BYTES = 64 * 1024
MAX_OPERATIONS = 50
MAX_DISTINCT_OPERATIONS = 20

AT_REST_LIMIT_S = 20.0
TRIES = 30
CROWD = 40
MAX_CROWDS = 40
FLAT = 0.005
SEND = 'mutation($roomId: ID!) { sendMessage(input: {roomId: $roomId, body: "theirs"}) { message { id } } }'
CURSOR = "query($roomId: ID) { room(id: $roomId) { cursor } }"
WHO = "{ viewer { username } }"


@dataclass(frozen=True, slots=True)
class Foreign:
    """What others have, and the attacker may not know of."""

    room_id: str
    message_id: str
    cursor: str


class Target:
    """One server process. The first of its people attack, the last is the next client."""

    stall_timeout_s = STALL_TIMEOUT_S
    max_operations = MAX_OPERATIONS
    max_distinct_operations = MAX_DISTINCT_OPERATIONS

    def __init__(self, server: Server, window: Window, community: Community) -> None:
        self.server = server
        self.community = community
        self._window = window
        self._process = psutil.Process(server.pid)
        self._foreign: Foreign | None = None

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

    def posted(self, body: bytes, *, person: Person | None = None, **headers: str) -> bytes:
        """A request to the endpoint, the attacker's where it is nobody else's; `headers` stand instead of its own."""
        given = {
            "Host": LOOPBACK,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **bearing((person or self.attacker).token),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        return "\r\n".join(lines).encode("latin1") + body

    # ------------------------------------------------------------------ what is seen of it

    def cpu_s(self) -> float:
        return self._window.cpu_s()

    def inside(self) -> Inside:
        return self._window.inside()

    def resident_bytes(self) -> int:
        resident: int = self._process.memory_info().rss
        return resident

    async def foreign(self) -> Foreign:
        """A private room of somebody else, and a message in it."""
        if self._foreign is None:
            made = await self._execute(
                'mutation { createRoom(input: {name: "Theirs", visibility: PRIVATE}) { room { id } } }'
            )
            room_id = made["createRoom"]["room"]["id"]
            sent = await self._execute(SEND, roomId=room_id)
            room = await self._execute(CURSOR, roomId=room_id)
            self._foreign = Foreign(room_id, sent["sendMessage"]["message"]["id"], room["room"]["cursor"])
        return self._foreign

    async def say(self) -> None:
        """Send a message to the attacker's room."""
        await self._execute(SEND, roomId=self.room_id)

    async def cursor(self) -> str:
        """Where the attacker's room stands."""
        room = await self._execute(CURSOR, roomId=self.room_id)
        return str(room["room"]["cursor"])

    async def _execute(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask in the name of somebody who is no attacker."""
        async with httpx.AsyncClient(
            base_url=self.server.url, headers=bearing(self.community.people[1].token)
        ) as client:
            answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

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

    async def next_client_s(self, enough_s: float) -> float:
        """Let somebody come who means well, over both transports; the seconds until both have their answers.

        The fastest of some tries, which end with one that is fast enough: on a busy machine this process, too, has to
        wait for its turn.
        """
        assert self._process.is_running()
        fastest_s = await _timed(self._serve)
        for _ in range(TRIES):
            if fastest_s < enough_s:
                break
            fastest_s = min(fastest_s, await _timed(self._serve))
        return fastest_s

    async def warm_up(self) -> None:
        """Let many come at once, until all that is made once and kept is made: threads, their connections, caches."""
        grown = 0.02  # so at least five crowds come
        for _ in range(MAX_CROWDS):
            before = self.resident_bytes()
            await asyncio.gather(*(self._serve() for _ in range(CROWD)))
            await self.at_rest(self.inside())
            grown = max(grown / 2, self.resident_bytes() / before - 1)
            if grown < FLAT:
                return

    async def _serve(self) -> None:
        person = self.community.people[-1]
        expected = {"data": {"viewer": {"username": person.username}}}
        async with self.wired() as wire:
            wire.put(self.posted(json.dumps({"query": WHO}).encode(), person=person))
            assert await wire.response() == (200, expected)
        async with raw.acknowledged(self.server.port, person.token) as wire:
            wire.put(message(type="subscribe", id="1", payload={"query": WHO}))
            assert await wire.hear_message() == {"id": "1", "type": "next", "payload": expected}


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun
