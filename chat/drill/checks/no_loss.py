"""Every acknowledged send is in the log, and with every member that is connected at rest."""

from math import inf

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.lives import Life, lives
from chat.drill.checks.operations import Operation, sends
from chat.drill.checks.outcome import Outcome
from chat.drill.checks.readers import room_readers
from chat.drill.history import Applied, Follows, History, RoomState

NAME = "no-loss"
SENTENCE = "Every acknowledged send is in the log, and every connected member has it."


def check(history: History) -> Outcome:
    logs = room_logs(history)
    checked, gone, failures = 0, 0, []
    unread: set[str] = set()
    kept: dict[str, list[tuple[int, str]]] = {room: [] for room in logs}
    for send in sends(history):
        if not send.stored:
            continue
        log = logs.get(send.room)
        if log is None or not log.was_read:
            unread.add(send.room)
            continue
        checked += 1
        if send.id in log.final.messages:
            kept[send.room].append((log.final.messages[send.id], send.id))
            failures += _misplaced(log, send)
        elif _backup_lacked(log, send):
            gone += 1
        else:
            failures.append(f"{send.id} was acknowledged in room {send.room}, and the log lacks it")
    readers = room_readers(history)
    for room, messages in kept.items():
        for life in lives(history).values():
            belongs = room in readers and readers[room].final.is_member(life.person)
            if belongs and life.connected and life.has_to_do_with(room):
                checked += len(messages)
                failures += _missing(life, room, messages)
    notes = [f"{gone} acknowledged sends went with a restored backup that lacked them"] if gone else []
    notes += [f"the log of room {room} was not read in the end" for room in sorted(unread)]
    return Outcome(NAME, SENTENCE, checked, failures, notes)


def _misplaced(log: RoomLog, send: Operation) -> list[str]:
    """Each answer names the place that the message has, or had before a restore."""
    places = {era.messages[send.id] for era in log.eras if send.id in era.messages}
    return [
        f"{send.id} was acknowledged as #{answer.seq} of room {send.room}, and is #{log.final.messages[send.id]}"
        for answer in send.stored
        if answer.seq is not None and answer.seq not in places
    ]


def _backup_lacked(log: RoomLog, send: Operation) -> bool:
    """Whether the message was stored before a backup replaced it, and never acknowledged after."""
    last = max(send.tried_before(answer.t) for answer in send.stored)
    having = [era for era in log.eras if send.id in era.messages]
    if not having or not any(last <= restore.ended for restore in log.restores):
        return False
    era = having[-1]
    seq, after = era.messages[send.id], log.eras[era.index + 1]
    mine, there = era.entry_at.get(seq), after.entry_at.get(seq)
    return log.restores[era.index].head < seq or (mine is not None and there is not None and mine != there)


def _missing(life: Life, room: str, messages: list[tuple[int, str]]) -> list[str]:
    """What the client lacks of these messages, each with its seq."""
    if life.state is None:
        return _missing_from_steps(life, room, messages)
    state = life.state.rooms.get(room)
    if state is None:
        return [f"{life.name} is a member of room {room}, and has nothing of it"]
    first = _first(state)
    return [
        f"{life.name} lacks {message} (#{seq} of room {room})"
        for seq, message in messages
        if seq >= first and message not in state["messages"]
    ]


def _first(state: RoomState) -> float:
    """The seq from which on the client should have all messages."""
    if state["complete"]:
        return 0
    return min((message["seq"] for message in state["messages"].values()), default=0)


def _missing_from_steps(life: Life, room: str, messages: list[tuple[int, str]]) -> list[str]:
    """The same of a client that keeps no messages and says only what came."""
    steps = life.steps.get(room, [])
    applied = {step.seq for step in steps if isinstance(step, Applied)}
    known = max((step.seq for step in steps if isinstance(step, Follows)), default=inf)
    return [
        f"{life.name} never heard of {message} (#{seq} of room {room})"
        for seq, message in messages
        if seq > known and seq not in applied
    ]
