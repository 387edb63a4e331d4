"""Who may read a room at which place in its order, as its log tells it."""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from chat.drill.checks.eras import Era, RoomLog, room_logs
from chat.drill.history import History, Room

PUBLIC = "PUBLIC"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From the event that lets somebody read to the one that ends it; both included."""

    first: int
    last: float


class Readers:
    """Who was a member, and who might read, in one era of a room."""

    def __init__(self, era: Era, room: Room) -> None:
        self._room = room
        self._ends: list[tuple[int, bool]] = [(0, room.visibility == PUBLIC)]
        self._memberships: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for entry in era.entries:
            match entry.kind:
                case "member.joined":
                    self._memberships[entry.object].append((entry.seq, True))
                case "member.left":
                    self._memberships[entry.object].append((entry.seq, False))
                case "room.updated" if "visibility" in entry.detail:
                    self._ends.append((entry.seq, entry.detail["visibility"] == PUBLIC))
                case _:
                    pass
        self._members: dict[str, list[Stretch]] = {}
        self._readers: dict[str, list[Stretch]] = {}

    def members(self, person: str) -> list[Stretch]:
        """When the person was a member."""
        if person not in self._members:
            self._members[person] = _stretches(self._changes(person))
        return self._members[person]

    def readers(self, person: str) -> list[Stretch]:
        """When the person might read: as a member, or while the room was public."""
        if person not in self._readers:
            both = [(seq, "member", on) for seq, on in self._changes(person)]
            both += [(seq, "public", on) for seq, on in self._ends]
            standing = {"member": False, "public": False}
            changes = []
            for seq, what, on in sorted(both, key=lambda change: change[0]):
                standing[what] = on
                changes.append((seq, any(standing.values())))
            self._readers[person] = _stretches(changes)
        return self._readers[person]

    def is_member(self, person: str) -> bool:
        """Whether the person is a member in the end."""
        return _endless(self.members(person))

    def may_read(self, person: str) -> bool:
        """Whether the person may read in the end."""
        return _endless(self.readers(person))

    def _changes(self, person: str) -> list[tuple[int, bool]]:
        changes = self._memberships.get(person, [])
        was_there = person in self._room.members and not (changes and changes[0][1])
        return [(0, was_there), *changes]


def within(stretches: list[Stretch], seq: int) -> bool:
    return any(stretch.first <= seq <= stretch.last for stretch in stretches)


def _stretches(changes: list[tuple[int, bool]]) -> list[Stretch]:
    found = []
    since: int | None = None
    for seq, on in changes:
        if on and since is None:
            since = seq
        elif not on and since is not None:
            found.append(Stretch(since, seq))
            since = None
    if since is not None:
        found.append(Stretch(since, inf))
    return found


def _endless(stretches: list[Stretch]) -> bool:
    return bool(stretches) and stretches[-1].last == inf


class RoomReaders:
    """Who might read a room, era by era."""

    def __init__(self, log: RoomLog, room: Room) -> None:
        self.room = room
        self.eras = [Readers(era, room) for era in log.eras]

    @property
    def final(self) -> Readers:
        return self.eras[-1]


@lru_cache(maxsize=1)
def room_readers(history: History) -> dict[str, RoomReaders]:
    """For every room that was there at the start and has a log."""
    logs = room_logs(history)
    rooms = {room.room: room for room in history.of(Room)}
    return {name: RoomReaders(logs[name], room) for name, room in rooms.items() if name in logs}
