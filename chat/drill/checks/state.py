"""What a client has after a quiet while is what a new client of the person fetches."""

from typing import Any

from chat.drill.checks.lives import lives
from chat.drill.checks.outcome import Outcome
from chat.drill.checks.readers import RoomReaders, room_readers
from chat.drill.history import Committed, Fresh, History, RoomState

NAME = "state"
SENTENCE = "After two quiet seconds a client's state equals what a new client of the person fetches."

QUIET_S = 2.0
TABLES = ("messages", "members")


def check(history: History) -> Outcome:
    checked, failures, notes = 0, [], []
    fresh = {record.person: record for record in history.of(Fresh)}
    readers = room_readers(history)
    last_commit = max((record.t for record in history.of(Committed)), default=0.0)
    for life in lives(history).values():
        if life.state is None or not life.connected:
            continue
        if life.person not in fresh:
            failures.append(f"{life.name} is connected, and a new client of {life.person} could fetch nothing")
        elif life.state.t - last_commit < QUIET_S:
            # Where that is because somebody's outbox isn't empty yet, `liveness` says so.
            notes.append(f"{life.name} was not asked after {QUIET_S:.0f} quiet seconds")
        else:
            mine, theirs = life.state.rooms, fresh[life.person].rooms
            expected = {room for room in _expected(life.person, theirs, readers) if life.has_to_do_with(room)}
            for room in sorted({*mine, *expected}):
                things, wrong = _compare(mine.get(room), theirs.get(room))
                checked += things
                failures += [f"{life.name}, room {room}: {sentence}" for sentence in wrong]
    return Outcome(NAME, SENTENCE, checked, failures, notes)


def _expected(person: str, theirs: dict[str, RoomState], readers: dict[str, RoomReaders]) -> set[str]:
    """The rooms that every client of the person has: those they are a member of."""
    return {room for room in theirs if room not in readers or readers[room].final.is_member(person)}


def _compare(mine: RoomState | None, theirs: RoomState | None) -> tuple[int, list[str]]:
    """How many things were compared, and which differ."""
    if mine is None:
        return 1, ["it has nothing of it, a fresh fetch has"]
    if theirs is None:
        return 1, ["it has it, a fresh fetch has nothing of it"]
    mine, theirs = dict(mine), dict(theirs)
    complete = mine.pop("complete")
    theirs.pop("complete")
    if not complete:
        first = min((message["seq"] for message in mine["messages"].values()), default=0)
        theirs["messages"] = {name: message for name, message in theirs["messages"].items() if message["seq"] >= first}
    left, right = _flat(mine), _flat(theirs)
    if left == right:
        return len(left), []
    names = sorted({*left, *right})
    wrong = [name for name in names if left.get(name, _NOTHING) != right.get(name, _NOTHING)]
    return len(names), [_sentence(name, left.get(name, _NOTHING), right.get(name, _NOTHING)) for name in wrong]


def _flat(state: RoomState) -> dict[str, Any]:
    """One level: each message and each member a thing of its own."""
    flat = {name: value for name, value in state.items() if name not in TABLES}
    for table in TABLES:
        flat |= {f"{table} {name}": value for name, value in state[table].items()}
    return flat


_NOTHING = object()


def _sentence(name: str, mine: Any, theirs: Any) -> str:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        fields = [each for each in mine | theirs if mine.get(each) != theirs.get(each)]
        mine, theirs = ({each: value.get(each) for each in fields} for value in (mine, theirs))
    return f"{name} is {_words(mine)}, a fresh fetch has {_words(theirs)}"


def _words(value: Any) -> str:
    return "nothing" if value is _NOTHING or value is None else repr(value)
