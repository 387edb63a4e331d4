"""What changes who may read, while everybody talks: people leave and come back, rooms open and close, somebody is
banned, a token ends. Through the public contract, in the name of the rooms' owner or of the person."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from chat.drill.clients.answer import Data, Refused, SignedOut
from chat.drill.clients.client import Person
from chat.drill.clients.documents import MUTATIONS
from chat.drill.clients.endpoint import Endpoint
from chat.drill.installation import Place
from chat.drill.network import Path
from chat.drill.parts.ports import LOOPBACK
from chat.drill.talk import Talk

INTERVAL_S = 3.0  # at most; a short drill sees as many of these as a longer one
TIMES = 20
AWAY_S = (1.0, 3.0)  # long enough to miss something
RELOADING_SHARE = 0.5  # of those who go, who have just reloaded their pages: their subscriptions are being opened
RELOADING_S = 0.6
PRIVATE_WEIGHT = 3  # where one who goes may not read any more
TIMEOUT_S = 6.0
RETRY_S = 0.3
SHUT_OUT_SHARE = 0.15  # of all people, at most

VERBS = {"remove": 4, "leave": 3, "visibility": 3, "role": 2, "ban": 1, "end_token": 1}


class Moderation:
    """Acts over a path of its own, which nothing damages, now and then for `lasts_s` seconds."""

    def __init__(self, talk: Talk, owner: Person, path: Path, random: Random, *, lasts_s: float) -> None:
        self._talk = talk
        self._owner = owner
        self._url = f"http://{LOOPBACK}:{path.port}"
        self._random = random
        self._interval_s = min(INTERVAL_S, lasts_s / TIMES)
        self._moving: set[str] = set()
        self._endpoints: dict[str, Endpoint] = {}

    async def run(self) -> None:
        """Until cancelled, with everybody back in the end."""
        acts: set[asyncio.Task[None]] = set()
        try:
            while True:
                await asyncio.sleep(self._random.expovariate(1 / self._interval_s))
                verb = self._random.choices(list(VERBS), list(VERBS.values()))[0]
                act = asyncio.create_task(self._do(verb))
                acts.add(act)
                act.add_done_callback(acts.discard)
        finally:
            # What has begun is finished: nobody stays outside because the time is over.
            await asyncio.gather(*acts)
            for endpoint in self._endpoints.values():
                await endpoint.close()

    async def _do(self, verb: str) -> None:
        rooms = self._talk.installation.rooms
        room = self._random.choices(rooms, [1 if room.visibility == "PUBLIC" else PRIVATE_WEIGHT for room in rooms])[0]
        members = [person for person in self._people() if person.username in room.members[1:]]
        if verb in ("ban", "end_token"):
            await self._shut_out(verb)
        elif verb == "visibility":
            if room.id not in self._moving:
                with self._alone(room.id):
                    await self._turn_visibility(room)
        elif members:
            person = self._random.choice(members)
            if (key := f"{room.id} {person.id}") not in self._moving:
                with self._alone(key):
                    await self._move(verb, room, person)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Two acts on one thing would undo each other half-way."""
        self._moving.add(key)
        try:
            yield
        finally:
            self._moving.discard(key)

    def _people(self) -> list[Person]:
        return list({seat.person.id: seat.person for seat in self._talk.taking_part}.values())

    async def _move(self, verb: str, room: Place, person: Person) -> None:
        who = {"roomId": room.id, "userId": person.id}
        if verb == "role":
            await self._insist(self._owner, "setRole", {**who, "role": self._random.choice(("MODERATOR", "MEMBER"))})
            return
        if self._random.random() < RELOADING_SHARE:
            await asyncio.gather(*(self._talk.restart(seat) for seat in self._talk.seats if seat.person is person))
            await asyncio.sleep(self._random.random() * RELOADING_S)
        if verb == "leave":
            await self._insist(person, "leaveRoom", {"roomId": room.id})
        else:
            await self._insist(self._owner, "removeMember", who)
        await self._stay_away()
        if verb == "leave" and room.visibility == "PUBLIC":
            await self._insist(person, "joinRoom", {"roomId": room.id})
        await self._insist(self._owner, "addMember", who)

    async def _stay_away(self) -> None:
        await asyncio.sleep(self._random.uniform(*AWAY_S))

    async def _turn_visibility(self, room: Place) -> None:
        other = "PRIVATE" if room.visibility == "PUBLIC" else "PUBLIC"
        for visibility in (other, room.visibility):
            await self._insist(self._owner, "updateRoom", {"roomId": room.id, "visibility": visibility})
            await self._stay_away()

    async def _shut_out(self, verb: str) -> None:
        people = self._people()
        everybody = len({seat.person.id for seat in self._talk.seats})
        if len(self._talk.shut_out) + 1 > SHUT_OUT_SHARE * everybody:
            return
        person = self._random.choice(people)
        async with self._talk.nobody_is_shut_out:
            if verb == "ban":
                t = await self._talk.installation.steward.insist("ban", person=person.id)
                self._talk.shut(person, "banned", t)
            else:
                t = await self._talk.installation.steward.insist("end_token", token=person.token)
                self._talk.shut(person, "signed out", t)

    async def _insist(self, person: Person, verb: str, given: dict[str, Any]) -> None:
        """Have it done, or refused."""
        endpoint = self._endpoints.get(person.id)
        if endpoint is None:
            endpoint = self._endpoints[person.id] = Endpoint(self._url, person.token, timeout_s=TIMEOUT_S)
        variables = {"input": {**given, "opId": str(uuid.uuid4())}}
        while True:
            if isinstance(await endpoint.execute(MUTATIONS[verb], variables), Data | Refused | SignedOut):
                return
            await asyncio.sleep(RETRY_S)
