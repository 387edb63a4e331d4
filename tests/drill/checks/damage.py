"""Mistakes, put into a history that was right: each says which promises it breaks."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import TypeVar

from chat.drill.checks.operations import Operation, operations
from chat.drill.history import (
    Applied,
    Connection,
    Ended,
    Follows,
    History,
    Logged,
    Passed,
    Ready,
    Record,
    Reset,
    Returned,
    Room,
    ShutOut,
    State,
    Tried,
)

T = TypeVar("T")
Damage = Callable[[History, Random], list[Record]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A damage, and the names of exactly those checks that have to see it."""

    damage: Damage
    breaks: frozenset[str]


MISTAKES: dict[str, Mistake] = {}


def breaks(*names: str) -> Callable[[Damage], Damage]:
    def register(damage: Damage) -> Damage:
        MISTAKES[damage.__name__.removeprefix("_").replace("_", " ")] = Mistake(damage, frozenset(names))
        return damage

    return register


# ---------------------------------------------------------------------- what a client hears


@breaks("gapless", "in-time")
def _an_event_was_skipped(history: History, random: Random) -> list[Record]:
    return _changed(history, _one_in_the_middle(history, random), None)


@breaks("no-duplicate")
def _an_event_came_twice(history: History, random: Random) -> list[Record]:
    event = _one_in_the_middle(history, random)
    return [*history.records, replace(event, t=event.t + 1e-6)]


@breaks("no-duplicate")
def _an_event_came_again_after_others(history: History, random: Random) -> list[Record]:
    event = _one_in_the_middle(history, random)
    return [*history.records, replace(event, t=_of_client(history, event)[-1].t + 1e-6)]


@breaks("gapless", "one-order")
def _two_events_were_swapped(history: History, random: Random) -> list[Record]:
    # Close together, so that none of them is late.
    pairs = [
        (one, other)
        for event in history.of(Ready)
        for one, other in _pairs(_of_client(history, event)[2:-2])
        if other.t - one.t < 0.3
    ]
    one, other = random.choice(pairs)
    return _changed(_changed(history, one, replace(one, t=other.t)), other, replace(other, t=one.t))


@breaks("in-time")
def _an_event_came_late(history: History, random: Random) -> list[Record]:
    event = random.choice([_of_client(history, ready)[-1] for ready in history.of(Ready)])
    return _changed(history, event, replace(event, t=event.t + 1.5))


@breaks("in-time", "liveness")
def _the_last_event_never_came(history: History, random: Random) -> list[Record]:
    return _changed(history, random.choice([_of_client(history, ready)[-1] for ready in history.of(Ready)]), None)


@breaks("in-time", "liveness")
def _a_socket_went_deaf(history: History, random: Random) -> list[Record]:
    """Nothing comes any more in one room; the state at the end is said to be right all the same."""
    ready = random.choice(history.of(Ready))
    middle = random.choice(_of_client(history, ready)[2:10])
    return [
        record
        for record in history.records
        if not (isinstance(record, Applied) and record.t > middle.t and _same_feed(record, ready))
    ]


@breaks("gapless")
def _it_jumped_without_a_reset(history: History, random: Random) -> list[Record]:
    """Three events are missing; a fetch has brought what they say."""
    ready = random.choice(history.of(Ready))
    events = _of_client(history, ready)
    start = random.randrange(2, len(events) - 5)
    missing = events[start : start + 3]
    last = missing[-1]
    fetch = Follows(missing[0].t, last.client, last.room, last.seq, last.cursor)
    return [record for record in history.records if record not in missing] + [fetch]


@breaks("gapless")
def _it_was_reset_for_nothing(history: History, random: Random) -> list[Record]:
    event = _one_in_the_middle(history, random)
    reason = random.choice(["HISTORY_CHANGED", "TOO_FAR_BEHIND", "CURSOR_INVALID", "CURSOR_EXPIRED", "NO_IDEA"])
    t = event.t + 1e-6
    return [
        *history.records,
        Reset(t, event.client, event.room, event.seq, event.cursor, reason, event.cursor),
        Follows(t + 1e-6, event.client, event.room, event.seq, event.cursor),
    ]


@breaks("gapless", "in-time")
def _an_event_of_nowhere_came(history: History, random: Random) -> list[Record]:
    event = _one_in_the_middle(history, random)
    return _changed(history, event, replace(event, cursor="of another world"))


@breaks("gapless")
def _it_was_told_to_be_ready_too_early(history: History, random: Random) -> list[Record]:
    events = _of_client(history, random.choice(history.of(Ready)))
    one, other = random.choice(_pairs(events))
    return [*history.records, Ready(other.t - 1e-6, one.client, one.room, other.seq, other.cursor)]


# ---------------------------------------------------------------------- the log


@breaks("no-loss", "gapless")
def _the_log_lost_a_message(history: History, random: Random) -> list[Record]:
    log = _log(history, random)
    acknowledged = {each.id for each in operations(history) if each.stored}
    rows = [row for row in log.events[2:-2] if row[2] == "message.sent" and row[3] in acknowledged]
    row = random.choice(rows)
    messages = {id_: seq for id_, seq in log.messages.items() if id_ != row[3]}
    lessened = replace(log, events=[each for each in log.events if each != row], messages=messages)
    return _changed(history, log, lessened)


@breaks("no-loss")
def _a_send_was_acknowledged_and_not_stored(history: History, random: Random) -> list[Record]:
    send = random.choice([each for each in _sends(history) if each.stored])
    t = send.returned[-1].t
    called = replace(send.called, t=t, id="lost", outbox="another outbox")
    return [
        *history.records,
        called,
        Tried(t, "another outbox", "lost"),
        Returned(t, "another outbox", "lost", "stored"),
    ]


@breaks("no-duplicate")
def _a_retry_was_stored_again(history: History, random: Random) -> list[Record]:
    log = _log(history, random)
    sent = [row for row in log.events if row[2] == "message.sent"]
    other = random.choice([row for row in log.events if row[2] == "message.edited"])
    return _changed(history, log, replace(log, events=[
        [*row[:2], "message.sent", sent[0][3], *row[4:]] if row is other else row for row in log.events
    ]))  # fmt: skip


@breaks("real-time")
def _a_later_send_was_put_before(history: History, random: Random) -> list[Record]:
    """Its first try is said to have begun after the next one of another outbox was acknowledged."""
    sends = sorted((each for each in _sends(history) if each.stored), key=lambda each: each.stored[0].t)
    pairs = [
        (one, other)
        for one, other in _pairs(sends)
        if one.room == other.room and one.called.outbox != other.called.outbox and _seq(one) < _seq(other)
    ]
    one, other = random.choice(pairs)
    later = other.stored[0].t + 1e-6
    return [
        replace(record, t=later) if isinstance(record, Tried) and record.id == one.id else record
        for record in history.records
    ]


# ---------------------------------------------------------------------- outboxes


@breaks("fifo")
def _an_outbox_reordered(history: History, random: Random) -> list[Record]:
    """What was done first went out second."""
    pairs = [pair for pair in _lane_pairs(history) if all(each.called.verb == "send" and each.stored for each in pair)]
    one, other = random.choice(pairs)
    return _changed(history, other.called, replace(other.called, t=one.called.t - 1e-6))


@breaks("fifo")
def _an_operation_overtook_another(history: History, random: Random) -> list[Record]:
    one, other = random.choice([(one, other) for one, other in _lane_pairs(history) if one.settled is not None])
    early = Tried((one.tried[0] + (one.settled or 0)) / 2, other.called.outbox, other.id)
    return [*_changed(history, other.called, replace(other.called, t=one.called.t + 1e-6)), early]


@breaks("liveness")
def _an_answer_never_came(history: History, random: Random) -> list[Record]:
    lanes = {(each.called.outbox, each.room): each for each in operations(history)}
    last = random.choice(list(lanes.values()))
    return [record for record in history.records if not (isinstance(record, Returned) and record.id == last.id)]


# ---------------------------------------------------------------------- what is there in the end


@breaks("state")
def _a_page_overwrote_a_newer_event(history: History, random: Random) -> list[Record]:
    state = random.choice(history.of(State))
    rooms = deepcopy(state.rooms)
    message = random.choice([each for room in rooms.values() for each in room["messages"].values()])
    message["body"], message["version"] = "an older text", message["version"] - 1
    return _changed(history, state, replace(state, rooms=rooms))


@breaks("state")
def _a_count_is_wrong(history: History, random: Random) -> list[Record]:
    state = random.choice(history.of(State))
    rooms = deepcopy(state.rooms)
    room = random.choice([each for each in rooms.values() if each["membership"] is not None])
    room["membership"]["unread"] += 1
    return _changed(history, state, replace(state, rooms=rooms))


@breaks("no-loss", "state")
def _a_client_lost_a_message(history: History, random: Random) -> list[Record]:
    acknowledged = {each.id for each in operations(history) if each.stored}
    state = random.choice(history.of(State))
    rooms = deepcopy(state.rooms)
    room = random.choice(list(rooms.values()))
    del room["messages"][random.choice(sorted(acknowledged & room["messages"].keys()))]
    return _changed(history, state, replace(state, rooms=rooms))


@breaks("no-loss", "state")
def _a_client_has_nothing_of_a_room(history: History, random: Random) -> list[Record]:
    state = random.choice(history.of(State))
    rooms = {room: each for room, each in state.rooms.items() if room != random.choice(list(state.rooms))}
    return _changed(history, state, replace(state, rooms=dict(list(rooms.items())[:1])))


@breaks("liveness")
def _a_client_was_signed_out_for_nothing(history: History, random: Random) -> list[Record]:
    return _stopped(history, {random.choice(history.of(Ready)).client}, 20.0)


@breaks("liveness")
def _a_client_never_came_back(history: History, random: Random) -> list[Record]:
    state = random.choice(history.of(State))
    return [*history.records, Connection(state.t - 0.5, state.client, "lost", 1006)]


# ---------------------------------------------------------------------- who is out


@breaks("shut-out")
def _a_removed_member_heard_on(history: History, random: Random) -> list[Record]:
    """The unsubscribe came three events late."""
    person, client, log, index = _to_remove(history, random)
    row = log.events[index]
    left = [*row[:2], "member.left", person, *row[4:]]
    changed = _changed(history, log, replace(log, events=[*log.events[:index], left, *log.events[index + 1 :]]))
    return _out_after(changed, client, log.room, row[0] + 3)


@breaks("shut-out")
def _one_who_had_left_sent_something(history: History, random: Random) -> list[Record]:
    """Nothing of the room reached them after they had left."""
    person, client, log, index = _to_remove(history, random)
    row, rows = log.events[index], list(log.events)
    rows[index] = [*row[:2], "member.left", person, *row[4:]]
    later = next(place for place in range(index + 1, len(rows)) if rows[place][2] == "message.sent")
    rows[later] = [*rows[later][:4], person, rows[later][5]]
    return _out_after(_changed(history, log, replace(log, events=rows)), client, log.room, row[0])


@breaks("shut-out")
def _one_outside_a_hidden_room_heard_on(history: History, random: Random) -> list[Record]:
    person, client, log, index = _to_remove(history, random)
    row, other = log.events[index - 2], log.events[index]
    rows = list(log.events)
    rows[index - 2] = [*row[:2], "member.left", person, *row[4:]]
    rows[index] = [*other[:2], "room.updated", log.room, other[4], {"visibility": "PRIVATE"}]
    public = [
        replace(record, visibility="PUBLIC") if isinstance(record, Room) and record.room == log.room else record
        for record in _changed(history, log, replace(log, events=rows))
    ]
    return _out_after(public, client, log.room, other[0] + 2)


@breaks("shut-out")
def _one_who_was_banned_heard_on(history: History, random: Random) -> list[Record]:
    """All clients of the person go on for some seconds."""
    person = random.choice([ready.client for ready in history.of(Ready)]).split(".")[0]
    clients = {ready.client for ready in history.of(Ready) if ready.client.split(".")[0] == person}
    return [*_stopped(history, clients, 26.0), ShutOut(20.0, person, random.choice(["banned", "signed out"]))]


@breaks("shut-out")
def _one_who_was_banned_was_let_in(history: History, random: Random) -> list[Record]:
    client = random.choice([ready.client for ready in history.of(Ready) if not ready.client.startswith("p3")])
    stopped = _stopped(history, {client}, 20.5)
    return [
        *stopped,
        ShutOut(20.0, client.split(".")[0], "banned"),
        Connection(23.0, client, "connected"),
        Connection(23.1, client, "stopped", 4403),
    ]


# ---------------------------------------------------------------------- where to put it


def _changed(history: History | list[Record], record: Record, other: Record | None) -> list[Record]:
    """The records with one replaced or left out."""
    records = history.records if isinstance(history, History) else history
    return [each for each in (other if each is record else each for each in records) if each is not None]


def _same_feed(one: Applied | Ready, other: Applied | Ready) -> bool:
    return (one.client, one.room) == (other.client, other.room)


def _of_client(history: History, feed: Applied | Ready) -> list[Applied]:
    return [event for event in history.of(Applied) if _same_feed(event, feed)]


def _one_in_the_middle(history: History, random: Random) -> Applied:
    return random.choice(_of_client(history, random.choice(history.of(Ready)))[2:-2])


def _pairs(things: Sequence[T]) -> list[tuple[T, T]]:
    return list(pairwise(things))


def _log(history: History, random: Random) -> Logged:
    return random.choice(history.of(Logged))


def _sends(history: History) -> list[Operation]:
    return [each for each in operations(history) if each.called.verb == "send"]


def _seq(send: Operation) -> int:
    return send.stored[0].seq or 0


def _lane_pairs(history: History) -> list[tuple[Operation, Operation]]:
    """Two that follow each other in one room of an outbox, both done by one client."""
    found = []
    last: dict[tuple[str, str], Operation] = {}
    for each in operations(history):
        lane = each.called.client, each.room
        if lane in last:
            found.append((last[lane], each))
        last[lane] = each
    return found


def _to_remove(history: History, random: Random) -> tuple[str, str, Logged, int]:
    """A person with one client that hears the room to the end, its log, and the index of an event late in it."""
    log = random.choice([log for log in history.of(Logged) if not _is_public(history, log.room)])
    ready = random.choice(
        [each for each in history.of(Ready) if each.room == log.room and each.client[:2] in ("p1", "p2")]
    )
    return ready.client[:2], ready.client, log, len(log.events) - 8


def _is_public(history: History, room: str) -> bool:
    return any(each.room == room and each.visibility == "PUBLIC" for each in history.of(Room))


def _out_after(records: list[Record], client: str, room: str, seq: int) -> list[Record]:
    """The client hears of the room up to this event, and then that it has ended; nothing of it is in its state."""
    kept: list[Record] = []
    for record in records:
        if isinstance(record, Applied) and (record.client, record.room) == (client, room) and record.seq > seq:
            continue
        kept.append(record)
        if isinstance(record, Applied) and (record.client, record.room, record.seq) == (client, room, seq):
            kept.append(Ended(record.t + 1e-6, client, room))
    return [_without_room(record, client, room) for record in kept]


def _without_room(record: Record, client: str, room: str) -> Record:
    if isinstance(record, State) and record.client == client:
        return replace(record, rooms={name: each for name, each in record.rooms.items() if name != room})
    return record


def _stopped(history: History, clients: set[str], t: float) -> list[Record]:
    """The clients do nothing any more from then on."""
    told = (Applied, Passed, Ready, Reset, Follows, Ended, Connection, State)
    kept = [
        record
        for record in history.records
        if not (isinstance(record, told) and record.client in clients and record.t > t)
    ]
    return [*kept, *(Connection(t, client, "stopped", 4403) for client in clients)]
