"""The log of each room, through the restores of older backups: from one to the next is an era."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any

from chat.drill.history import Committed, History, Logged, Restored

Rank = tuple[int, int]
"""Where an event stands among all that a room ever had: the first era whose log has it, and its seq."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a log."""

    seq: int
    cursor: str
    kind: str
    object: str
    actor: str | None
    detail: dict[str, Any]


@dataclass(slots=True)
class Era:
    """A room's log as it was at the end of an era, which came between `replaced` and `ended`; in the last era both are
    infinite."""

    index: int
    entries: list[Entry]
    messages: dict[str, int]
    replaced: float
    ended: float
    entry_of: dict[str, Entry] = field(init=False)  # by cursor
    entry_at: dict[int, Entry] = field(init=False)  # by seq

    def __post_init__(self) -> None:
        self.entry_of = {entry.cursor: entry for entry in self.entries}
        self.entry_at = {entry.seq: entry for entry in self.entries}

    @property
    def first(self) -> int:
        """The oldest seq that the log still has; 1 where it is empty."""
        return self.entries[0].seq if self.entries else 1

    @property
    def head(self) -> int:
        return self.entries[-1].seq if self.entries else 0


@dataclass(frozen=True, slots=True)
class Restore:
    """A backup was put in place of a room's log. `head` is its last seq."""

    began: float
    ended: float
    head: int
    lossy: bool  # whether the room had events that the backup lacked


@dataclass(frozen=True, slots=True)
class Commit:
    """When an event was committed, right after it."""

    t: float
    entry: Entry
    era: Era
    rank: Rank


class RoomLog:
    """All logs that a room had, the final one last."""

    def __init__(self, room: str, logged: list[Logged], restored: list[Restored], committed: list[Committed]) -> None:
        self.room = room
        self.stream = logged[-1].stream if logged else None
        self.eras = [*_eras_before(logged, restored), _last_era(logged, len(restored))]
        self.was_read = any(each.final for each in logged)
        """Whether it is known how the log was in the end."""
        self._ranks: dict[str, Rank] = {}
        self._stored: dict[str, Rank] = {}
        for era in self.eras:
            for entry in era.entries:
                self._ranks.setdefault(entry.cursor, (era.index, entry.seq))
            for message, seq in era.messages.items():
                self._stored.setdefault(message, (era.index, seq))
        self.committed = [
            Commit(each.t, self.eras[rank[0]].entry_of[each.cursor], self.eras[rank[0]], rank)
            for each in committed
            if (rank := self._ranks.get(each.cursor)) is not None
        ]
        """The events of which the commit was recorded and that a log has, in the order of time."""
        self._times = {commit.entry.cursor: commit.t for commit in self.committed}
        self.restores = [self._restore(number, record) for number, record in enumerate(restored)]

    @property
    def final(self) -> Era:
        return self.eras[-1]

    def entry(self, cursor: str) -> Entry | None:
        """The event that the cursor names, in whichever era."""
        rank = self._ranks.get(cursor)
        return None if rank is None else self.eras[rank[0]].entry_of[cursor]

    def rank(self, cursor: str) -> Rank | None:
        return self._ranks.get(cursor)

    def eras_with(self, cursor: str) -> list[Era]:
        return [era for era in self.eras if cursor in era.entry_of]

    def stored(self, message: str) -> Rank | None:
        """Where a message was stored first; None where no log has it."""
        return self._stored.get(message)

    def era_at(self, t: float) -> Era:
        return next(era for era in self.eras if t <= era.ended)

    def committed_at(self, cursor: str) -> float | None:
        """When the event was committed; None where that wasn't recorded."""
        return self._times.get(cursor)

    def _restore(self, number: int, record: Restored) -> Restore:
        before, after = self.eras[number], self.eras[number + 1]
        head = record.heads.get(self.room, 0)
        lost = before.head > head or any(entry.cursor not in after.entry_of for entry in before.entries)
        return Restore(before.replaced, record.t, head, lost)


def _eras_before(logged: list[Logged], restored: list[Restored]) -> list[Era]:
    eras = []
    since = -inf
    for index, record in enumerate(restored):
        seen = [each for each in logged if not each.final and since < each.t <= record.t]
        last = seen[-1] if seen else None
        eras.append(Era(index, _entries(last), last.messages if last else {}, last.t if last else since, record.t))
        since = record.t
    return eras


def _last_era(logged: list[Logged], index: int) -> Era:
    final = next((each for each in reversed(logged) if each.final), None)
    return Era(index, _entries(final), final.messages if final else {}, inf, inf)


def _entries(logged: Logged | None) -> list[Entry]:
    rows = logged.events if logged else []
    return [
        Entry(seq, cursor, kind, str(about), None if actor is None else str(actor), detail or {})
        for seq, cursor, kind, about, actor, detail in rows
    ]


@lru_cache(maxsize=1)
def room_logs(history: History) -> dict[str, RoomLog]:
    """The logs of every room of which a log was recorded."""
    logged: dict[str, list[Logged]] = defaultdict(list)
    for record in history.of(Logged):
        logged[record.room].append(record)
    committed: dict[int, list[Committed]] = defaultdict(list)
    for commit in history.of(Committed):
        committed[commit.stream].append(commit)
    restored = history.of(Restored)
    return {room: RoomLog(room, logs, restored, committed[logs[-1].stream]) for room, logs in logged.items()}
