"""Who is out says and hears nothing more: past their end in the room's order, or a second after a ban or a sign-out."""

from bisect import bisect_left
from math import inf

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.excuses import Excuses, excuses
from chat.drill.checks.lives import Life, lives, shut_out
from chat.drill.checks.outcome import Outcome
from chat.drill.checks.readers import RoomReaders, Stretch, room_readers, within
from chat.drill.checks.spans import overlaps
from chat.drill.history import Applied, Ended, Follows, History, ShutOut

NAME = "shut-out"
SENTENCE = "Who is out sends and gets nothing past that in the order; who is banned, nothing after a second."

WITHIN_S = 1.0
SENT = "message.sent"


def check(history: History) -> Outcome:
    checked, failures = 0, []
    logs = room_logs(history)
    late = excuses(history)
    for room, readers in room_readers(history).items():
        sent, wrong = _sent_from_outside(logs[room], readers)
        checked += sent
        failures += wrong
    for life in lives(history).values():
        for room, readers in room_readers(history).items():
            checked += _ends_of(life, room, readers)
            failures += _heard_from_outside(life, logs[room], readers)
        for record in shut_out(history).get(life.person, []):
            if _concerns(record, life):
                checked += 1
                failures += _heard_after(record, life, late)
    return Outcome(NAME, SENTENCE, checked, failures)


def _sent_from_outside(log: RoomLog, readers: RoomReaders) -> tuple[int, list[str]]:
    """How many messages the log has, and which of them are of people who were no members at that place."""
    checked, failures = 0, []
    for era in log.eras:
        for entry in era.entries:
            if entry.kind != SENT or entry.actor is None or log.rank(entry.cursor) != (era.index, entry.seq):
                continue
            checked += 1
            if not within(readers.eras[era.index].members(entry.actor), entry.seq):
                failures.append(f"#{entry.seq} of room {log.room} was sent by {entry.actor}, who was no member then")
    return checked, failures


def _ends_of(life: Life, room: str, readers: RoomReaders) -> int:
    """How often the person lost the room that this client followed."""
    if not any(isinstance(step, Follows) for step in life.steps.get(room, ())):
        return 0
    # A log holds the beginning of the one before it: an end of both is one end.
    return len({each.last for era in readers.eras for each in era.readers(life.person) if each.last != inf})


def _heard_from_outside(life: Life, log: RoomLog, readers: RoomReaders) -> list[str]:
    failures = []
    for step in life.steps.get(log.room, ()):
        if not isinstance(step, Applied):
            continue
        eras = log.eras_with(step.cursor)
        stretches = [readers.eras[era.index].readers(life.person) for era in eras]
        if not eras or any(within(each, step.seq) for each in stretches):
            continue
        if not any(_let_in_again(log, era.index, each, step) for era, each in zip(eras, stretches, strict=True)):
            failures.append(
                f"{life.name} applied #{step.seq} of room {log.room}, where {life.person} could not read any more"
            )
    return failures


def _let_in_again(log: RoomLog, era: int, stretches: list[Stretch], step: Applied) -> bool:
    """Whether, when the event came, the person could read again: then what lies between may be caught up on."""
    index = bisect_left(stretches, step.seq, key=lambda stretch: stretch.first)
    if index == len(stretches):
        return False
    entry = log.eras[era].entry_at.get(stretches[index].first)
    at = None if entry is None else log.committed_at(entry.cursor)
    # A process that was killed right after a commit has not recorded it.
    return at is None or at <= step.t


def _concerns(record: ShutOut, life: Life) -> bool:
    """Whether it was this client that lost its way in. Who signs in again does so with another one."""
    began, ended = life.opened.t, life.closed
    return ended > record.t and (record.how == "banned" or began <= record.t)


def _heard_after(record: ShutOut, life: Life, late: Excuses) -> list[str]:
    told = [(step.t, room) for room, steps in life.steps.items() for step in steps if not isinstance(step, Ended)]
    let_in = [(each.t, "") for each in life.connections if each.state == "connected"]
    failures = []
    for t, room in sorted(told + let_in):
        link = life.link_at(t)
        spans = late.spans(path=life.opened.path, server=None if link is None else link.server)
        if t > record.t + WITHIN_S and not overlaps(spans, t - WITHIN_S, t):
            what = f"got something of room {room}" if room else "was let in"
            failures.append(f"{life.name} {what} {t - record.t:.1f} s after {record.person} was {record.how}")
    return failures
