"""After the last fault everybody catches up, and no socket stays open and deaf meanwhile."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from math import inf, isinf

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.excuses import Excuses, excuses, incidents
from chat.drill.checks.lives import Life, Link, finish_of, lives, shut_out
from chat.drill.checks.operations import Operation, dropped, operations
from chat.drill.checks.outcome import Outcome
from chat.drill.checks.progress import Progress
from chat.drill.checks.readers import RoomReaders, room_readers, within
from chat.drill.checks.spans import Span, joined, without
from chat.drill.history import Ended, Follows, History, Phase, Ready, Reset

NAME = "liveness"
SENTENCE = "Every client has caught up 30 s after the last fault, and no socket stays open and deaf."

CAUGHT_UP_S = 30.0
TOLD_S = 1.0
"""So long before it is on record that somebody is shut out they may hear of it."""
DEAF_S = 20.0
"""So long a client that is connected, and that no fault holds up, may lack what the log has."""


def check(history: History) -> Outcome:
    checked, failures = 0, []
    calm, finish = _last_fault(history), finish_of(history)
    for life in lives(history).values():
        if life.open:
            checked += 1
            if not life.connected:
                failures.append(f"{life.name} was not connected in the end")
        elif life.stopped:
            checked += 1
            end = life.connections[-1].t
            if not any(record.t <= end + TOLD_S for record in shut_out(history).get(life.person, [])):
                failures.append(f"{life.name} has given up for good, and nobody had shut {life.person} out")
    logs, late = room_logs(history), excuses(history)
    for room, readers in room_readers(history).items():
        for life in lives(history).values():
            steps = life.steps.get(room)
            if not steps:
                continue
            progress = Progress(logs[room], steps)
            looked_at, deaf = _deaf(life, logs[room], readers, progress, late)
            checked += looked_at
            failures += deaf
            if life.connected and _belongs(life, room, readers):
                checked += 1
                failures += _behind(life, logs[room], progress, max(calm, life.opened.t))
    waited, unsettled = _unsettled(history, calm, finish)
    return Outcome(NAME, SENTENCE, checked + waited, failures + unsettled)


def _last_fault(history: History) -> float:
    """The end of the last fault; where there was none, the beginning of the rest."""
    ends = [fault.ended for fault in incidents(history) if not isinf(fault.ended)]
    rests = [phase.t for phase in history.of(Phase) if phase.name == "rest"]
    return max(ends, default=rests[0] if rests else 0.0)


def _belongs(life: Life, room: str, readers: RoomReaders) -> bool:
    """Whether the client has to follow the room in the end."""
    if readers.final.is_member(life.person):
        return True
    return readers.final.may_read(life.person) and life.follows(room)


def _behind(life: Life, log: RoomLog, progress: Progress, since: float) -> list[str]:
    """Whether the client lacks something at the end, or had what was there at `since` too late."""
    if not log.final.entries:
        return []
    who = f"{life.name} in room {log.room}"
    if not life.follows(log.room):
        return [f"{who} may read again, and has not come back"]
    head = log.final.entries[-1]
    rank = log.rank(head.cursor)
    cursor = _stands_at(life, log.room)
    if rank is None or isinf(progress.reached(rank)) or cursor is None or _of_another_log(log, cursor):
        return [f"{who} had not caught up with #{head.seq} when the drill was over"]
    before = [commit for commit in log.committed if commit.t <= since and commit.era is log.final]
    if not before:
        return []
    last = max(commit.rank for commit in before)
    took = progress.reached(last) - since
    return [f"{who} took {took:.1f} s to catch up with #{last[1]}"] if took > CAUGHT_UP_S else []


def _stands_at(life: Life, room: str) -> str | None:
    """The last cursor that it was told; None while it fetches anew."""
    last = next((step for step in reversed(life.steps[room]) if not isinstance(step, Ended)), None)
    return None if last is None or isinstance(last, Reset) else last.cursor


def _of_another_log(log: RoomLog, cursor: str) -> bool:
    return log.rank(cursor) is not None and cursor not in log.final.entry_of


# ---------------------------------------------------------------------- deaf sockets


def _deaf(life: Life, log: RoomLog, readers: RoomReaders, progress: Progress, late: Excuses) -> tuple[int, list[str]]:
    """How often a socket had to bring something, and when it stayed open without."""
    commits = log.committed
    times = [commit.t for commit in commits]
    wanted = _wanted(life, log.room)
    checked, failures = 0, []
    for link in life.links:
        holes = joined([*late.spans(path=life.opened.path, server=link.server), *_restores(log)])
        for since, until in _clear_spans(link, wanted, holes):
            era = log.era_at(until)
            stretches = readers.eras[era.index].readers(life.person)
            # Of what was there before, the last one says all.
            first = max(0, bisect_left(times, since) - 1)
            for commit in commits[first : bisect_right(times, until - DEAF_S)]:
                deadline = max(commit.t, since) + DEAF_S
                gone = commit.entry.cursor not in era.entry_of or not within(stretches, commit.entry.seq + 1)
                if deadline > until or gone:
                    continue
                checked += 1
                if progress.reached(commit.rank) > deadline:
                    failures.append(
                        f"{life.name} was connected for {DEAF_S:.0f} s and heard nothing "
                        f"of #{commit.entry.seq} of room {log.room}"
                    )
                    break
    return checked, failures


def _restores(log: RoomLog) -> list[Span]:
    """Around a restore nobody knows which log an event went to."""
    return [(each.began - 1.0, each.ended + 1.0) for each in log.restores]


def _clear_spans(link: Link, wanted: list[Span], holes: list[Span]) -> Iterator[Span]:
    for first, last in wanted:
        span = max(first, link.began), min(last, link.ended)
        if span[1] - span[0] >= DEAF_S:
            yield from (left for left in without(span, holes) if left[1] - left[0] >= DEAF_S)


def _wanted(life: Life, room: str) -> list[Span]:
    """When the client followed the room: from its first fetch until it was told that it may not read."""
    found: list[Span] = []
    since: float | None = None
    for step in life.steps[room]:
        if isinstance(step, Ended):
            if since is not None:
                found.append((since, step.t))
            since = None
        elif since is None and isinstance(step, Follows | Ready):
            since = step.t
    if since is not None:
        found.append((since, inf))
    return found


# ---------------------------------------------------------------------- outboxes


def _unsettled(history: History, calm: float, finish: float) -> tuple[int, list[str]]:
    """Operations that nobody answered in time, of outboxes that had a client to the end."""
    alive = {life.opened.outbox for life in lives(history).values() if life.open}
    waits, forgotten = _waits(history, calm), dropped(history)
    checked, failures = 0, []
    for operation in operations(history):
        outbox = operation.called.outbox
        if outbox not in alive or (outbox, operation.id) in forgotten:
            continue
        checked += 1
        deadline = max(calm, operation.called.t) + CAUGHT_UP_S + waits.get(outbox, 0.0)
        settled = operation.settled
        if settled is None:
            failures.append(f"{_words(operation)} was still in {outbox} {finish - calm:.0f} s after the last fault")
        elif settled > deadline:
            failures.append(f"{_words(operation)} left {outbox} {settled - calm:.0f} s after the last fault")
    return checked, failures


def _waits(history: History, calm: float) -> dict[str, float]:
    """For how long after the last fault each outbox had been told to wait, in seconds."""
    told: dict[str, list[Span]] = {}
    for operation in operations(history):
        for answer in operation.returned:
            if answer.retry_after:
                span = (max(calm, answer.t), answer.t + answer.retry_after)
                told.setdefault(operation.called.outbox, []).append(span)
    return {outbox: sum(max(0.0, last - first) for first, last in joined(spans)) for outbox, spans in told.items()}


def _words(operation: Operation) -> str:
    return f"{operation.called.verb} {operation.id}"
