"""A made-up installation that keeps every promise: what it records is a history in which nothing is wrong."""

import heapq
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Any

from chat.drill.history import (
    Applied,
    Called,
    Closed,
    Committed,
    Connection,
    Ended,
    Fault,
    Follows,
    Fresh,
    History,
    Logged,
    Opened,
    Passed,
    Phase,
    Ready,
    Record,
    Reset,
    Restored,
    Returned,
    Room,
    RoomState,
    Route,
    Run,
    ShutOut,
    State,
    Tried,
)

TICK_S = 1e-5
SERVERS = 3
REPLAYED_AT_MOST = 1_000

EVENTS = {
    "message.sent": "MessageSent",
    "message.edited": "MessageEdited",
    "reactions.changed": "ReactionsChanged",
    "member.joined": "MemberJoined",
    "member.left": "MemberLeft",
    "room.updated": "RoomUpdated",
}

Event = tuple[int, str, str, str, str, dict[str, Any]]
"""seq, cursor, kind, object, actor, detail: a row of `Logged`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a world.

    Args:
        unshown: the share of events that can't be shown any more when they are to go out.
        rates: how often a minute each thing is done, by the name of one of the world's methods.
    """

    seconds: float = 60.0
    rooms: int = 2
    people: int = 4
    sends_a_second: float = 2.0
    unshown: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)


CALM = Plan()
EVERYTHING = Plan(
    unshown=0.03,
    rates={
        "cut": 4.0, "kill": 2.0, "stop_the_layer": 1.0, "remove": 3.0, "hide": 1.0, "restore": 1.0, "ban": 0.5,
        "sign_out": 0.5, "reload": 2.0, "sleep": 1.0,
    },
)  # fmt: skip


@dataclass(slots=True)
class Place:
    """A room: its log, and what stands in it."""

    name: str
    stream: int
    owner: str
    members: set[str]
    public: bool
    log: list[Event] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def head(self) -> int:
        return len(self.log)

    @property
    def cursor(self) -> str:
        return self.log[-1][1] if self.log else f"{self.name}.0"

    def readable(self, person: str) -> bool:
        return self.public or person in self.members

    def state(self, person: str) -> RoomState:
        mine = {"role": "MEMBER", "lastReadSeq": 0, "unread": len(self.messages), "mentions": 0}
        return {
            "name": self.name,
            "topic": "",
            "visibility": "PUBLIC" if self.public else "PRIVATE",
            "lastSeq": self.head,
            "messageCount": len(self.messages),
            "memberCount": len(self.members),
            "complete": True,
            "messages": deepcopy(self.messages),
            "members": dict.fromkeys(sorted(self.members), "MEMBER"),
            "membership": mine if person in self.members else None,
        }


@dataclass(slots=True)
class Feed:
    cursor: str
    seq: int
    live: bool = False
    ended: bool = False


@dataclass(slots=True)
class Page:
    """A client."""

    name: str
    outbox: str
    person: str
    path: str
    server: int = 0
    link: int | None = None
    feeds: dict[str, Feed] = field(default_factory=dict)
    gone: bool = False


@dataclass(slots=True)
class Deed:
    """An operation that waits in an outbox."""

    verb: str
    id: str
    message: str
    stubborn: int
    """So many tries end without an answer."""


Places = dict[str, Place]


class World:
    """Goes through its plan with the chance that it is given."""

    def __init__(self, plan: Plan, random: Random) -> None:
        self.plan = plan
        self.random = random
        self.now = 0.0
        self.records: list[Record] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count(1)
        self._era = 0
        self._down: set[int] = set()
        self._out: set[str] = set()
        self._lanes: dict[tuple[str, str], list[Deed]] = {}
        self._busy: set[tuple[str, str]] = set()
        self._backup: Places | None = None
        self._replaced: list[tuple[float, Places]] = []
        self._unshown: set[str] = set()
        self._barred: set[str] = set()
        self.people = [f"p{number}" for number in range(plan.people)]
        self.places = {
            f"r{number}": Place(f"r{number}", number + 1, self.people[0], set(self.people), number % 2 == 1)
            for number in range(plan.rooms)
        }
        self.pages: list[Page] = []

    def live(self) -> History:
        """Run it to the end."""
        self._add(Run(0.0, 1, "sqlite", "memory", SERVERS))
        self._add(Phase(0.0, "talk"))
        for place in self.places.values():
            visibility = "PUBLIC" if place.public else "PRIVATE"
            self._add(Room(0.0, place.name, visibility, sorted(place.members)))
        for person in self.people:
            tabs = 2 if person == self.people[-1] else 1
            for tab in range(tabs):
                self._open(f"{person}.{tab}", f"{person}.box", person)
        self._often(self.plan.sends_a_second * 60, self._do_something)
        for name, rate in self.plan.rates.items():
            self._often(rate, getattr(self, f"_{name}"))
        self._run_until(self.plan.seconds)
        self._add(Phase(self.now, "rest"))
        self.plan = Plan(seconds=self.plan.seconds, sends_a_second=0.0)
        self._run_until(self.plan.seconds + 25.0)
        self._add(Phase(self.now, "quiet"))
        self._run_until(self.plan.seconds + 28.0)
        self._finish()
        return History(sorted(self.records, key=lambda record: record.t))

    # ------------------------------------------------------------------ time

    def _add(self, record: Record) -> None:
        self.records.append(record)

    def _at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.now + delay, next(self._numbers), what))

    def _often(self, a_minute: float, what: Callable[[], None]) -> None:
        """From now on until the talk is over."""

        def again() -> None:
            if self.now < self.plan.seconds - 8.0:
                what()
                self._at(self.random.expovariate(a_minute / 60), again)

        if a_minute:
            self._at(1.0 + self.random.expovariate(a_minute / 60), again)

    def _run_until(self, end: float) -> None:
        while self._later and self._later[0][0] <= end:
            self.now, _, what = heapq.heappop(self._later)
            what()
        self.now = end

    def _soon(self) -> float:
        return self.random.uniform(0.002, 0.3)

    def _tick(self) -> float:
        self.now += TICK_S
        return self.now

    # ------------------------------------------------------------------ the log

    def _commit(self, place: Place, kind: str, about: str, actor: str, **detail: Any) -> int:
        seq = place.head + 1
        cursor = f"{place.name}.{seq}.{self._era}.{next(self._numbers)}"
        place.log.append((seq, cursor, kind, about, actor, detail))
        if self.random.random() < self.plan.unshown:
            self._unshown.add(cursor)
        self._add(Committed(self._tick(), self.random.randrange(SERVERS), place.stream, cursor))
        for page in self.pages:
            feed = page.feeds.get(place.name)
            if page.link is not None and feed is not None and feed.live:
                self._later_on(page, self._soon(), partial(self._pump, page, place.name))
        return seq

    def _later_on(self, page: Page, delay: float, what: Callable[..., None]) -> None:
        """Unless its socket is another one by then."""
        link = page.link
        self._at(delay, lambda: what() if page.link == link and link is not None else None)

    def _pump(self, page: Page, room: str) -> None:
        feed, place = page.feeds[room], self.places[room]
        if feed.ended or not feed.live or not self._knows(place, feed):
            return
        for seq, cursor, kind, about, _, _ in place.log[feed.seq :]:
            if not place.readable(page.person):
                feed.live, feed.ended = False, True
                self._add(Ended(self._tick(), page.name, room))
                return
            feed.seq, feed.cursor = seq, cursor
            if cursor in self._unshown:
                self._add(Passed(self._tick(), page.name, room, cursor))
            else:
                self._add(Applied(self._tick(), page.name, room, seq, cursor, EVENTS[kind], about))

    def _knows(self, place: Place, feed: Feed) -> bool:
        if feed.seq == 0:
            return True
        return feed.seq <= place.head and place.log[feed.seq - 1][1] == feed.cursor

    # ------------------------------------------------------------------ clients

    def _open(self, name: str, outbox: str, person: str) -> None:
        page = Page(f"{name}.{next(self._numbers)}", outbox, person, f"path-{name}")
        self.pages.append(page)
        self._add(Opened(self._tick(), page.name, outbox, person, "contract", page.path))
        for place in self.places.values():
            if place.readable(person):
                self._fetch(page, place)
        self._at(self._soon(), partial(self._connect, page))

    def _fetch(self, page: Page, place: Place) -> None:
        page.feeds[place.name] = Feed(place.cursor, place.head)
        self._add(Follows(self._tick(), page.name, place.name, place.head, place.cursor))

    def _connect(self, page: Page) -> None:
        if page.gone or page.link is not None:
            return
        up = sorted(set(range(SERVERS)) - self._down)
        if page.path in self._out or not up:
            self._at(0.5, partial(self._connect, page))
            return
        page.server = self.random.choice(up)
        page.link = next(self._numbers)
        self._add(Route(self._tick(), page.path, page.server))
        self._add(Connection(self._tick(), page.name, "connected"))
        for room in page.feeds:
            self._later_on(page, self._soon(), partial(self._subscribe, page, room))

    def _subscribe(self, page: Page, room: str) -> None:
        feed, place = page.feeds[room], self.places[room]
        if feed.ended or feed.live:
            return
        if not place.readable(page.person):
            feed.ended = True
            self._add(Ended(self._tick(), page.name, room))
        elif not self._knows(place, feed):
            self._reset(page, place, "HISTORY_CHANGED")
        elif place.head - feed.seq > REPLAYED_AT_MOST:
            self._reset(page, place, "TOO_FAR_BEHIND")
        else:
            feed.live = True
            self._pump(page, room)
            self._add(Ready(self._tick(), page.name, room, feed.seq, feed.cursor))

    def _reset(self, page: Page, place: Place, reason: str) -> None:
        feed = page.feeds[place.name]
        after, link = feed.cursor, page.link
        self._add(Reset(self._tick(), page.name, place.name, place.head, place.cursor, reason, after))
        feed.seq, feed.cursor, feed.live = place.head, place.cursor, True
        head = place.head

        def fetched() -> None:
            self._add(Follows(self._tick(), page.name, place.name, max(head, feed.seq), feed.cursor))

        if link is not None:
            fetched()

    def _lose(self, page: Page, code: int = 1006) -> None:
        if page.link is not None:
            page.link = None
            for feed in page.feeds.values():
                feed.live = False
            self._add(Connection(self._tick(), page.name, "lost", code))

    # ------------------------------------------------------------------ what people do

    def _do_something(self) -> None:
        pages = [page for page in self.pages if not page.gone]
        if not pages:
            return
        page = self.random.choice(pages)
        room = self.random.choice(list(self.places))
        place = self.places[room]
        own = [id_ for id_, message in place.messages.items() if message["author"] == page.person]
        verb = self.random.choice(["send", "send", "send", "edit", "addReaction"]) if own else "send"
        id_ = f"m{next(self._numbers)}"
        message = id_ if verb == "send" else self.random.choice(own)
        about = "" if verb == "send" else message
        self._add(Called(self._tick(), page.outbox, page.name, room, verb, id_, about, f"text {id_}"))
        stubborn = self.random.choice([0, 0, 0, 0, 1, 2])
        lane = (page.outbox, room)
        self._lanes.setdefault(lane, []).append(Deed(verb, id_, message, stubborn))
        self._at(self._soon(), partial(self._work, lane))

    def _work(self, lane: tuple[str, str]) -> None:
        outbox = lane[0]
        deeds = self._lanes.get(lane)
        alive = [page for page in self.pages if page.outbox == outbox and not page.gone]
        if not deeds or lane in self._busy or not alive:
            return
        deed = deeds[0]
        self._busy.add(lane)
        self._add(Tried(self._tick(), outbox, deed.id))
        arrives = deed.stubborn == 0 or self.random.random() < 0.5
        places = self.places  # also where a backup replaces them meanwhile

        def done() -> None:
            returned = self._carry_out(places, lane, alive[0].person, deed) if arrives else None
            self._at(self._soon(), lambda: answered(returned))

        def answered(returned: Returned | None) -> None:
            self._busy.discard(lane)
            if deed.stubborn or returned is None:
                deed.stubborn = max(0, deed.stubborn - 1)
                self._add(Returned(self._tick(), outbox, deed.id, "unknown"))
                self._at(0.5, partial(self._work, lane))
            else:
                deeds.remove(deed)
                self._add(Returned(self._tick(), outbox, deed.id, returned.outcome, returned.seq, returned.code))
                self._work(lane)

        self._at(self._soon(), done)

    def _carry_out(self, places: Places, lane: tuple[str, str], person: str, deed: Deed) -> Returned:
        """What the server does and would say."""
        outbox, room = lane
        place = places[room]

        def answer(outcome: str, seq: int | None = None, code: str | None = None) -> Returned:
            return Returned(self.now, outbox, deed.id, outcome, seq, code)

        if deed.verb == "send" and deed.id in place.messages:
            return answer("stored", place.messages[deed.id]["seq"])
        if person not in place.members or (deed.verb != "send" and deed.message not in place.messages):
            return answer("refused", code="FORBIDDEN")
        if deed.verb == "send":
            seq = self._commit(place, "message.sent", deed.id, person)
            stored = {"seq": seq, "version": seq, "author": person, "body": f"text {deed.id}"}
            place.messages[deed.id] = stored | {"deleted": False, "reactions": {}}
            return answer("stored", seq)
        message = place.messages[deed.message]
        if deed.verb == "edit":
            message["version"] = self._commit(place, "message.edited", deed.message, person)
            message["body"] = f"text {deed.id}"
        elif person not in message["reactions"].get("👍", []):
            detail = {"emoji": "👍", "added": True}
            message["version"] = self._commit(place, "reactions.changed", deed.message, person, **detail)
            message["reactions"]["👍"] = sorted([*message["reactions"].get("👍", []), person])
        return answer("stored")

    # ------------------------------------------------------------------ what goes wrong

    def _fault(self, name: str, seconds: float, excuses: str = "", scope: list[str] | None = None) -> None:
        id_ = next(self._numbers)
        self._add(Fault(self._tick(), id_, name, "begin", "", excuses, scope or []))
        self._add(Fault(self._tick(), id_, name, "bit", f"{name} was seen", excuses, scope or []))
        self._at(seconds, lambda: self._add(Fault(self._tick(), id_, name, "end")))

    def _cut(self) -> None:
        page = self.random.choice(self.pages)
        if page.gone or page.path in self._out:
            return
        self._fault("cut", 2.0, "paths", [page.path])
        self._out.add(page.path)
        self._lose(page)

        self._at(2.0, partial(self._out.discard, page.path))
        self._connect(page)

    def _kill(self) -> None:
        server = self.random.randrange(SERVERS)
        if self._down:
            return
        self._fault("kill", 2.0, "servers", [str(server)])
        self._down.add(server)
        self._at(2.0, partial(self._down.discard, server))
        for page in self.pages:
            if page.server == server:
                self._lose(page)
                self._at(0.2 + self._soon(), partial(self._connect, page))

    def _stop_the_layer(self) -> None:
        self._fault("layer", 3.0)

    def _remove(self) -> None:
        """Somebody leaves, and often comes back."""
        place = self.random.choice(list(self.places.values()))
        person = self.random.choice(self.people[1:])
        if person not in place.members:
            return
        place.members.discard(person)
        self._commit(place, "member.left", person, place.owner)

        def again() -> None:
            if person not in place.members and self.places[place.name] is place:
                place.members.add(person)
                self._commit(place, "member.joined", person, place.owner)
                self._come_back(place.name)

        if self.random.random() < 0.6:
            self._at(4.0, again)

    def _hide(self) -> None:
        """A public room becomes private for a while."""
        place = self.random.choice(list(self.places.values()))
        place.public = not place.public
        visibility = "PUBLIC" if place.public else "PRIVATE"
        self._commit(place, "room.updated", place.name, place.owner, visibility=visibility)
        self._come_back(place.name)

    def _come_back(self, room: str) -> None:
        """Who may read again goes on from their own cursor, or comes for the first time."""
        place = self.places[room]
        for page in self.pages:
            feed = page.feeds.get(room)
            if page.gone or not place.readable(page.person):
                continue
            if feed is None:
                self._fetch(page, place)
            else:
                feed.ended = False
            if page.link is not None:
                self._later_on(page, self._soon(), partial(self._subscribe, page, room))

    def _restore(self) -> None:
        """An older backup comes back; the next one is made."""
        if self._backup is None:
            self._backup = deepcopy(self.places)
            return
        self._fault("restore", 1.0, "all")
        self._replaced.append((self._tick(), self.places))
        self._era += 1
        self.places, self._backup = self._backup, None
        self._add(Restored(self._tick(), {name: place.head for name, place in self.places.items()}))
        for page in self.pages:
            for room, feed in page.feeds.items():
                feed.live = False
                if not page.gone and self.places[room].readable(page.person):
                    feed.ended = False
                if page.link is not None:
                    self._later_on(page, self._soon(), partial(self._subscribe, page, room))
        for room in self.places:
            self._come_back(room)

    def _ban(self) -> None:
        self._put_out(self.people[1], "banned", 4403)

    def _sign_out(self) -> None:
        self._put_out(self.people[2], "signed out", 4401)

    def _put_out(self, person: str, how: str, code: int) -> None:
        pages = [page for page in self.pages if page.person == person and not page.gone]
        if not pages:
            return
        self._barred.add(person)
        self._add(ShutOut(self._tick(), person, how))

        def stop(page: Page) -> None:
            self._add(Connection(self._tick(), page.name, "stopped", code))
            page.link, page.gone = None, True

        for page in pages:
            self._at(self._soon(), partial(stop, page))

    def _reload(self) -> None:
        page = self.random.choice(self.pages)
        if not page.gone and page.person not in self._barred:
            page.gone, page.link = True, None
            self._add(Closed(self._tick(), page.name))
            self._open(page.path.removeprefix("path-"), page.outbox, page.person)

    def _sleep(self) -> None:
        """A client is away without any fault."""
        page = self.random.choice(self.pages)
        self._lose(page)
        self._at(5.0, partial(self._connect, page))

    # ------------------------------------------------------------------ the end

    def _logged(self, t: float, place: Place, *, final: bool) -> Logged:
        messages = {id_: message["seq"] for id_, message in place.messages.items()}
        return Logged(t, place.name, place.stream, final, [list(event) for event in place.log], messages)

    def _finish(self) -> None:
        for page in self.pages:
            if not page.gone:
                rooms = {room: self.places[room].state(page.person) for room, feed in page.feeds.items() if feed.live}
                self._add(State(self._tick(), page.name, rooms))
        for person in self.people:
            rooms = {name: place.state(person) for name, place in self.places.items() if place.readable(person)}
            self._add(Fresh(self._tick(), person, rooms))
        for t, places in self._replaced:
            for place in places.values():
                self._add(self._logged(t, place, final=False))
        for place in self.places.values():
            self._add(self._logged(self._tick(), place, final=True))
        self._add(Phase(self._tick(), "end"))
        for page in self.pages:
            if not page.gone:
                self._add(Closed(self._tick(), page.name))


def history_of(plan: Plan, seed: int) -> History:
    return World(plan, Random(seed)).live()
