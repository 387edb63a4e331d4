"""What a drill records, one JSON object a line, and how it is read again.

Times `t` are seconds of CLOCK_MONOTONIC, which all processes of one machine share (`time.monotonic()` in Python,
`process.hrtime.bigint() / 1e9` in Node.js). A *client* is one page or program with a state of its own; a page that was
reloaded is another client. An *outbox* is what a browser's tabs, and its pages before and after a reload, share. Events
are named by the cursor that came with them: it says room, seq and nonce, so an event of a restored log is another one.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

RoomState = dict[str, Any]
"""A room as a client has it, in plain words:

    name, topic, visibility: as in the API.     lastSeq, messageCount, memberCount: numbers.
    complete: whether `messages` are all of the room's; else they are a gapless stretch that ends at the newest.
    messages: by id {seq, version, author (a user's id), body, deleted, reactions: {emoji: [user ids, sorted]}}.
    members: by user id the role.
    membership: {role, lastReadSeq, unread, mentions} of the viewer, or null.
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One line."""

    kind: ClassVar[str]
    t: float


@dataclass(frozen=True, slots=True)
class Run(Record):
    """The first line: what this drill is."""

    kind = "run"
    seed: int
    database: str  # sqlite, postgres
    layer: str  # memory, redis
    processes: int
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phase(Record):
    """The drill goes over to another part: talk, rest (faults have ended), quiet (nobody does anything), end."""

    kind = "phase"
    name: str


@dataclass(frozen=True, slots=True)
class Room(Record):
    """A room at the start of the drill."""

    kind = "room"
    room: str
    visibility: str
    members: list[str]  # user ids


@dataclass(frozen=True, slots=True)
class Opened(Record):
    """A client begins. `path` is its way through the drill's network."""

    kind = "opened"
    client: str
    outbox: str
    person: str  # user id
    flavour: str  # contract, page, crowd
    path: str


@dataclass(frozen=True, slots=True)
class Closed(Record):
    """A client ended because the drill wanted it: a tab closed, a page reloaded."""

    kind = "closed"
    client: str


@dataclass(frozen=True, slots=True)
class Follows(Record):
    """A client has fetched a room and will follow its events after `cursor`; its state says all up to `seq`.

    Also after a StreamReset, once the room was fetched anew.
    """

    kind = "follows"
    client: str
    room: str
    seq: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Connection(Record):
    """A client's WebSocket: connected (acknowledged), lost (with the close code; 1006 where there was none), stopped
    (the client will not come back: banned, signed out)."""

    kind = "connection"
    client: str
    state: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Route(Record):
    """The network led a new WebSocket of this path to this server process."""

    kind = "route"
    path: str
    server: int


@dataclass(frozen=True, slots=True)
class Called(Record):
    """A person did something: it went into the outbox. `id` is the message's own for a send, else the opId."""

    kind = "called"
    outbox: str
    client: str
    room: str
    verb: str  # send, edit, delete, addReaction, removeReaction, markRead, … the mutation's first word or name
    id: str
    object: str = ""  # the message
    body: str = ""


@dataclass(frozen=True, slots=True)
class Tried(Record):
    """A request with this operation begins."""

    kind = "tried"
    outbox: str
    id: str


@dataclass(frozen=True, slots=True)
class Returned(Record):
    """A request has ended: stored (the server has it), refused (for good), unknown (no answer, or come again)."""

    kind = "returned"
    outbox: str
    id: str
    outcome: str
    seq: int | None = None  # of the message that a send stored
    code: str | None = None
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Applied(Record):
    """A client changed its state by an event."""

    kind = "applied"
    client: str
    room: str
    seq: int
    cursor: str
    event: str  # __typename
    object: str = ""  # the message's or the member's id


@dataclass(frozen=True, slots=True)
class Passed(Record):
    """A client passed an event that can't be shown any more (`event: null`)."""

    kind = "passed"
    client: str
    room: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Ready(Record):
    """StreamReady: the client is live from here on."""

    kind = "ready"
    client: str
    room: str
    seq: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Reset(Record):
    """StreamReset: the client drops what it has and fetches the room anew. `after`: the cursor it had asked with."""

    kind = "reset"
    client: str
    room: str
    seq: int
    cursor: str
    reason: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Ended(Record):
    """The server has ended a room's subscription, or refuses it: the viewer may not read."""

    kind = "ended"
    client: str
    room: str


@dataclass(frozen=True, slots=True)
class Committed(Record):
    """A server process has committed an event; `t` is right after the commit."""

    kind = "committed"
    server: int
    stream: int
    cursor: str


@dataclass(frozen=True, slots=True)
class ShutOut(Record):
    """A person was banned, or their credential ended; `t` is right after the commit."""

    kind = "shut_out"
    person: str
    how: str  # banned, signed out


@dataclass(frozen=True, slots=True)
class Fault(Record):
    """A fault begins, bites or ends. All its lines have the same `id`.

    Args:
        stage: begin, bit (with what was seen of it in `detail`; may come several times), failed (something that must
            hold under it did not), end.
        excuses: what may be later than a second meanwhile: "" nothing, "all" everybody, or "servers" or "paths", those
            in `scope`. Delivery to those from a second before the beginning to a second after the end isn't timed.
    """

    kind = "fault"
    id: int
    name: str
    stage: str
    detail: str = ""
    excuses: str = ""
    scope: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lagged(Record):
    """The drill itself was late: its own loop, or that of the Node.js process, by so many seconds."""

    kind = "lagged"
    who: str
    seconds: float


@dataclass(frozen=True, slots=True)
class State(Record):
    """What a client has in the end."""

    kind = "state"
    client: str
    rooms: dict[str, RoomState]


@dataclass(frozen=True, slots=True)
class Fresh(Record):
    """What a new client of the person fetches in the end, whole rooms."""

    kind = "fresh"
    person: str
    rooms: dict[str, RoomState]


@dataclass(frozen=True, slots=True)
class Logged(Record):
    """The log of a room as the database has it: in the end (final), and as it was when a backup replaced it, at `t`.

    events: [seq, cursor, event kind, object id, actor's id or null, detail].
    """

    kind = "logged"
    room: str
    stream: int
    final: bool
    events: list[list[Any]]
    messages: dict[str, int] = field(default_factory=dict)  # ids of stored messages, with their seq


@dataclass(frozen=True, slots=True)
class Restored(Record):
    """An older state of the database was put in place; `heads`: the last seq of each room in it."""

    kind = "restored"
    heads: dict[str, int]


_KINDS: dict[str, type[Record]] = {each.kind: each for each in Record.__subclasses__()}
R = TypeVar("R", bound=Record)


class Recorder:
    """Appends records to a file; a line is in the file when `add` returns, so a crash loses nothing of it."""

    def __init__(self, file: IO[str]) -> None:
        self.watchers: list[Callable[[Record], None]] = []
        """Called with each record after it was added."""
        self._file = file

    def add(self, record: Record) -> None:
        self._file.write(line_of(record))
        for watch in list(self.watchers):
            watch(record)


def line_of(record: Record) -> str:
    return json.dumps({"kind": record.kind, **asdict(record)}, ensure_ascii=False) + "\n"


def read(paths: Iterable[Path]) -> "History":
    """The history in these files, which are of one run, in the order of time.

    Raises:
        ValueError: a line is no record; it says which one.
    """
    records = [record for path in paths for record in _records_in(path)]
    return History(sorted(records, key=lambda record: record.t))


def _records_in(path: Path) -> Iterator[Record]:
    with path.open() as file:
        for number, line in enumerate(file, start=1):
            try:
                yield parse(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from error


def parse(given: dict[str, Any]) -> Record:
    """A record from its JSON; fields that this version doesn't know are passed over."""
    kind = _KINDS[given["kind"]]
    known = {each.name for each in fields(kind)}
    return kind(**{name: value for name, value in given.items() if name in known})


class History:
    """All that was recorded, in the order of time."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def of(self, kind: type[R]) -> list[R]:
        """The records of one kind, in the order of time."""
        return [record for record in self.records if isinstance(record, kind)]
