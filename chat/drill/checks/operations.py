"""What people did: from the call into the outbox to the answer, or to none."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

from chat.drill.history import Called, History, Returned, Tried

SEND = "send"
DELETE = "delete"
MARKERS = frozenset({"markRead", "markUnread"})
"""Not ordered with the rest of a room: of several that wait, only the last is sent."""


@dataclass(slots=True)
class Operation:
    """One operation of one outbox."""

    called: Called
    tried: list[float] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.called.id

    @property
    def room(self) -> str:
        return self.called.room

    @property
    def message(self) -> str:
        """The message that it is about."""
        return self.id if self.called.verb == SEND else self.called.object

    @property
    def stored(self) -> list[Returned]:
        """The answers that said that the server has it."""
        return [each for each in self.returned if each.outcome == "stored"]

    @property
    def refused(self) -> bool:
        return any(each.outcome == "refused" for each in self.returned)

    @property
    def settled(self) -> float | None:
        """When the outbox knew how it ended."""
        return next((each.t for each in self.returned if each.outcome != "unknown"), None)

    def tried_before(self, t: float) -> float:
        """When the request began that was answered at `t`, at the latest."""
        return max((each for each in self.tried if each <= t), default=self.called.t)


@lru_cache(maxsize=1)
def operations(history: History) -> list[Operation]:
    """All operations in the order in which they were called; a repeated call counts as the first."""
    found: dict[tuple[str, str], Operation] = {}
    for record in history.records:
        match record:
            case Called():
                found.setdefault((record.outbox, record.id), Operation(record))
            case Tried() if (record.outbox, record.id) in found:
                found[record.outbox, record.id].tried.append(record.t)
            case Returned() if (record.outbox, record.id) in found:
                found[record.outbox, record.id].returned.append(record)
            case _:
                pass
    return list(found.values())


@lru_cache(maxsize=1)
def dropped(history: History) -> set[tuple[str, str]]:
    """Outbox and id of what was never tried, and need not be.

    The outbox forgets a message that was taken back or refused, with all that was done to it, and a read marker that a
    later one has overtaken.
    """
    gone = {
        (each.called.outbox, each.message)
        for each in operations(history)
        if each.called.verb == DELETE or (each.called.verb == SEND and each.refused)
    }
    return {
        (each.called.outbox, each.id)
        for each in operations(history)
        if not each.tried and (each.called.verb in MARKERS or (each.called.outbox, each.message) in gone)
    }


def sends(history: History) -> list[Operation]:
    return [operation for operation in operations(history) if operation.called.verb == SEND]


def sends_by_room(history: History) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = defaultdict(list)
    for operation in sends(history):
        found[operation.room].append(operation)
    return found
