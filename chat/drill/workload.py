"""What people do in a drill: each client, at random times, what people do in a chat."""

import asyncio
from random import Random

from chat.drill.finishing import finishing
from chat.drill.talk import Seat, Talk

OPERATIONS_PER_S = 4.0  # all clients together: the machine also carries the drill itself
EMOJIS = ("👍", "❤️", "🎉")
WORDS = ("tea", "train", "届く", "rain", "ladder", "🎈", "north", "paper", "<b>", "été", "&amp;")
LATEST = 12  # of the messages that somebody answers to

# What somebody does next, and how often.
VERBS = {"send": 50, "edit": 12, "delete": 4, "react": 16, "mark_read": 12, "burst": 4, "restart": 2}


async def converse(talk: Talk) -> None:
    """Let everybody talk until cancelled."""
    async with asyncio.TaskGroup() as group:
        for seat in talk.seats:
            group.create_task(_take_part(talk, seat, Random(talk.random.random())))


async def _take_part(talk: Talk, seat: Seat, random: Random) -> None:
    habits = _Habits(talk, seat, random)
    while seat.person.id not in talk.shut_out:
        await asyncio.sleep(random.expovariate(OPERATIONS_PER_S / len(talk.seats)))
        if seat.away:
            continue
        verb = random.choices(list(VERBS), list(VERBS.values()))[0]
        if verb == "restart":
            await finishing(talk.restart(seat))
        else:
            habits.do(verb)


class _Habits:
    def __init__(self, talk: Talk, seat: Seat, random: Random) -> None:
        self._talk = talk
        self._seat = seat
        self._random = random
        self._own: dict[str, list[str]] = {}
        self._said = 0

    def do(self, verb: str) -> None:
        """One thing, in a room that is open to the client now; nothing where there is none."""
        client, random = self._seat.client, self._random
        rooms = [room.id for room in self._talk.installation.rooms if client.position(room.id) is not None]
        if not rooms:
            return
        room = random.choice(rooms)
        own = self._own.setdefault(room, [])
        others = client.messages(room)[-LATEST:]
        match verb:
            case "edit" if own:
                client.edit(room, random.choice(own), self._words())
            case "delete" if own:
                client.delete(room, own.pop(random.randrange(len(own))))
            case "react" if others:
                client.react(room, random.choice(others), random.choice(EMOJIS), random.random() < 0.7)
            case "mark_read":
                client.mark_read(room, client.position(room) or 0)
            case "burst":
                own += [client.send(room, self._words()) for _ in range(3)]
            case _:
                reply_to = random.choice(others) if others and random.random() < 0.1 else None
                own.append(client.send(room, self._words(), reply_to=reply_to))

    def _words(self) -> str:
        self._said += 1
        words = self._random.choices(WORDS, k=self._random.randint(1, 12))
        if self._random.random() < 0.1:
            words.append(f"@{self._random.choice(self._talk.seats).person.username}")
        return f"{self._seat.person.username} {self._said}: {' '.join(words)}"
