"""Everybody who talks in a drill, and what can be seen of them from outside."""

import asyncio
import time
from dataclasses import dataclass
from random import Random

from chat.drill import history
from chat.drill.clients.client import Client, Person
from chat.drill.installation import Installation
from chat.drill.network import Path


@dataclass(slots=True)
class Seat:
    """One browser tab or program of a person: the client that is there now, and its way to the servers.

    Args:
        only: the one room that it follows; None for all that the person is a member of.
    """

    person: Person
    path: Path
    client: Client
    only: str | None = None
    away: bool = False  # nobody sits there now: it is reloading, or frozen


@dataclass(slots=True)
class Sent:
    """A request that carried a message."""

    began: float
    took_s: float | None = None


class Talk:
    """Clients by their seats. It follows the records to know where each is led to, and how long sends take."""

    def __init__(self, installation: Installation, recorder: history.Recorder, random: Random) -> None:
        self.installation = installation
        self.random = random
        self.seats: list[Seat] = []
        self.shut_out: set[str] = set()  # ids of people
        self.nobody_is_shut_out = asyncio.Lock()
        """Whoever holds it may rely on that."""
        self._recorder = recorder
        self._paths: dict[str, str] = {}  # by client
        self._servers: dict[str, int] = {}  # by path
        self._connected: set[str] = set()  # paths
        self._sends: set[str] = set()
        self._sent: list[Sent] = []
        self._asked: dict[tuple[str, str], Sent] = {}
        recorder.watchers.append(self._follow)

    @property
    def paths(self) -> list[Path]:
        """Those of clients that still take part."""
        return [seat.path for seat in self.seats if seat.person.id not in self.shut_out]

    @property
    def taking_part(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.person.id not in self.shut_out]

    @property
    def send_times(self) -> list[float]:
        """How long requests with messages took, in seconds, in the order in which they began."""
        return [sent.took_s for sent in self._sent if sent.took_s is not None]

    def waiting_since(self, t: float) -> int:
        """How many requests with messages that began after `t` have no answer yet."""
        return sum(1 for sent in self._asked.values() if sent.began >= t)

    def path_of(self, client: str) -> str:
        """The name of the path of a client, also of one that is closed."""
        return self._paths.get(client, "")

    def led_to(self, server: int) -> set[str]:
        """Names of the paths whose WebSocket is open and leads to this server process."""
        return {path for path in self._connected if self._servers.get(path) == server}

    async def laggards(self) -> list[str]:
        """Clients that take part and have not caught up: operations unsent, or a room of theirs not at its head."""
        rooms = await self.installation.steward.insist("standing", rooms=[room.id for room in self.installation.rooms])
        found = []
        for seat in self.taking_part:
            client = seat.client
            behind = [
                room
                for room, (head, members) in rooms.items()
                if seat.person.id in members and seat.only in (None, room) and client.position(room) != head
            ]
            if client.unsent or behind:
                found.append(f"{client.name} ({client.unsent} unsent, {len(behind)} rooms behind)")
        return found

    def say_all(self, why: str, *, room: str | None = None, but: str = "") -> None:
        """Let everybody except one person send something: to the room, or to each that is open to them."""
        wanted = [room] if room is not None else [each.id for each in self.installation.rooms]
        for seat in self.taking_part:
            if not seat.away and seat.person.id != but:
                for each in wanted:
                    if seat.client.position(each) is not None:
                        seat.client.send(each, f"{seat.person.username} {why}")

    async def restart(self, seat: Seat) -> None:
        """A reload."""
        if seat.away or seat.person.id in self.shut_out:
            return
        seat.away = True
        try:
            seat.client = await seat.client.restart()
        finally:
            seat.away = False

    def shut(self, person: Person, how: str, t: float) -> None:
        self._recorder.add(history.ShutOut(t, person.id, how))
        self.shut_out.add(person.id)

    def _follow(self, record: history.Record) -> None:
        match record:
            case history.Opened():
                self._paths[record.client] = record.path
            case history.Route():
                self._servers[record.path] = record.server
            case history.Connection() if record.client in self._paths:
                path = self._paths[record.client]
                if record.state == "connected":
                    self._connected.add(path)
                else:
                    self._connected.discard(path)
            case history.Called() if record.verb == "send":
                self._sends.add(record.id)
            case history.Tried() if record.id in self._sends:
                sent = self._asked[record.outbox, record.id] = Sent(time.monotonic())
                self._sent.append(sent)
            case history.Returned() if (record.outbox, record.id) in self._asked:
                asked = self._asked.pop((record.outbox, record.id))
                asked.took_s = time.monotonic() - asked.began
            case _:
                pass
