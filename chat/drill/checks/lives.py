"""Each client's life: what it was told, room by room, and when it was connected."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf

from chat.drill.history import (
    Applied,
    Closed,
    Connection,
    Ended,
    Follows,
    History,
    Opened,
    Passed,
    Phase,
    Ready,
    Reset,
    Route,
    ShutOut,
    State,
)

PAGE = "page"

Step = Follows | Applied | Passed | Ready | Reset | Ended


@dataclass(frozen=True, slots=True)
class Link:
    """One WebSocket of a client, from its acknowledgement to its end."""

    began: float
    ended: float
    server: int | None  # which process the network led it to


@dataclass(slots=True)
class Life:
    """One client, from its beginning to its end."""

    opened: Opened
    steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))  # by room, in the order of time
    connections: list[Connection] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    closed: float = inf
    state: State | None = None

    @property
    def name(self) -> str:
        return self.opened.client

    @property
    def person(self) -> str:
        return self.opened.person

    @property
    def stopped(self) -> bool:
        """Whether the client has given up for good: banned, signed out."""
        return bool(self.connections) and self.connections[-1].state == "stopped"

    @property
    def open(self) -> bool:
        """Whether it is still there in the end, and wants to be connected."""
        return self.closed == inf and not self.stopped

    @property
    def connected(self) -> bool:
        """Whether it is there in the end, and connected."""
        return self.open and bool(self.connections) and self.connections[-1].state == "connected"

    def has_to_do_with(self, room: str) -> bool:
        """Whether the room may concern it: a page has one room, which it has followed; the others have all."""
        return self.opened.flavour != PAGE or room in self.steps

    def follows(self, room: str) -> bool:
        """Whether the client follows the room in the end: the server has not ended it since."""
        steps = self.steps.get(room)
        return steps is not None and not isinstance(steps[-1], Ended)

    def link_at(self, t: float) -> Link | None:
        index = bisect_right(self.links, t, key=lambda link: link.began) - 1
        return self.links[index] if index >= 0 and t <= self.links[index].ended else None


@lru_cache(maxsize=1)
def lives(history: History) -> dict[str, Life]:
    """All clients by name, in the order in which they were opened.

    What they did once the drill was over is left out.
    """
    finish = finish_of(history)
    found = {record.client: Life(record) for record in history.of(Opened)}
    routes: dict[str, list[Route]] = defaultdict(list)
    for record in history.records:
        if record.t > finish and not isinstance(record, State):
            continue
        match record:
            case Applied() | Passed() | Ready() | Follows() | Reset() | Ended():
                found[record.client].steps[record.room].append(record)
            case Connection():
                found[record.client].connections.append(record)
            case Closed():
                found[record.client].closed = min(record.t, found[record.client].closed)
            case State():
                found[record.client].state = record
            case Route():
                routes[record.path].append(record)
            case _:
                pass
    for life in found.values():
        life.links = _links(life, routes[life.opened.path], finish)
    return found


def finish_of(history: History) -> float:
    """When the drill was over, after which clients are closed: the phase `end`, or the last record."""
    ends = [phase.t for phase in history.of(Phase) if phase.name == "end"]
    return ends[0] if ends else max((record.t for record in history.records[-1:]), default=0.0)


def _links(life: Life, routes: list[Route], finish: float) -> list[Link]:
    links = []
    ends = [*[each.t for each in life.connections[1:]], finish]
    for connection, end in zip(life.connections, ends, strict=False):
        if connection.state == "connected":
            led = bisect_right(routes, connection.t, key=lambda route: route.t) - 1
            server = routes[led].server if led >= 0 else None
            links.append(Link(connection.t, min(end, life.closed), server))
    return links


@lru_cache(maxsize=1)
def shut_out(history: History) -> dict[str, list[ShutOut]]:
    """By person, when they were banned or signed out."""
    found: dict[str, list[ShutOut]] = defaultdict(list)
    for record in history.of(ShutOut):
        found[record.person].append(record)
    return found
