"""From the commit to every client that is connected and follows, in a second."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from chat.drill.checks.eras import Commit, RoomLog, room_logs
from chat.drill.checks.excuses import Excuses, excuses
from chat.drill.checks.lives import Life, Link, lives
from chat.drill.checks.outcome import Outcome
from chat.drill.checks.progress import Progress
from chat.drill.checks.readers import RoomReaders, room_readers, within
from chat.drill.checks.spans import Span, joined, overlaps, without
from chat.drill.history import Applied, Ended, Follows, History, Passed, Ready, Reset

NAME = "in-time"
SENTENCE = "From the commit to each client that is connected, reads and whose server runs: one second."

WITHIN_S = 1.0


@dataclass(slots=True)
class Deliveries:
    """How long each delivery took that had to be in time, in seconds."""

    quiet: list[float] = field(default_factory=list)
    troubled: list[float] = field(default_factory=list)  # while some fault was going on
    missing: int = 0  # that never came
    late: list[str] = field(default_factory=list)  # a sentence for each that took too long or never came
    excused: int = 0  # to clients that a fault kept from hearing


def check(history: History) -> Outcome:
    found = deliveries(history)
    notes = [f"{found.excused} deliveries were not timed: a fault stood between"] if found.excused else []
    checked = len(found.quiet) + len(found.troubled) + found.missing
    return Outcome(NAME, SENTENCE, checked, found.late, notes)


@lru_cache(maxsize=1)
def deliveries(history: History) -> Deliveries:
    """All deliveries to clients that were live from the commit until a second after it."""
    found = Deliveries()
    late = excuses(history)
    logs = room_logs(history)
    for room, readers in room_readers(history).items():
        log = logs[room]
        commits = log.committed
        times = [commit.t for commit in commits]
        troubled = [overlaps(late.trouble, commit.t, commit.t + WITHIN_S) for commit in commits]
        for life in lives(history).values():
            if not life.steps.get(room):
                continue
            heard = _Heard(life, log, readers)
            for live, link in _live_spans(life, room):
                count = _count(times, live)
                for timed in without(live, _holes(life, link, log, late)):
                    first, last = _within(times, timed)
                    count -= last - first
                    for index in range(first, last):
                        _time(found, heard, commits[index], troubled[index])
                found.excused += count
    return found


def _time(found: Deliveries, heard: "_Heard", commit: Commit, troubled: bool) -> None:
    if not heard.is_due(commit):
        return
    at = heard.at.get(commit.entry.cursor)
    who = f"{heard.life.name} got #{commit.entry.seq} of room {heard.log.room}"
    if at is None:
        found.missing += 1
        found.late.append(who.replace(" got ", " never got "))
        return
    took = max(0.0, at - commit.t)
    (found.troubled if troubled else found.quiet).append(took)
    if took > WITHIN_S:
        found.late.append(f"{who} after {took:.2f} s")


class _Heard:
    """When a client heard of each event of a room."""

    def __init__(self, life: Life, log: RoomLog, readers: RoomReaders) -> None:
        steps = life.steps[log.room]
        self.life = life
        self.log = log
        self.at: dict[str, float] = {}
        for step in steps:
            if isinstance(step, Applied | Passed):
                self.at.setdefault(step.cursor, step.t)
        self._readers = readers
        self._fetched = Progress(log, [step for step in steps if isinstance(step, Follows | Ready)])

    def is_due(self, commit: Commit) -> bool:
        """Whether the event has to come: the person may read it, and the client has not fetched it."""
        if commit.entry.cursor in self.at:
            return True
        stretches = self._readers.eras[commit.era.index].readers(self.life.person)
        # The event that ends somebody's reading doesn't reach them any more.
        return (
            within(stretches, commit.entry.seq)
            and within(stretches, commit.entry.seq + 1)
            and self._fetched.reached(commit.rank) > commit.t + WITHIN_S
        )


def _holes(life: Life, link: Link, log: RoomLog, late: Excuses) -> list[Span]:
    """When this client may hear late. Around a restore, nobody knows which log an event went to."""
    restores = [(each.began - WITHIN_S, each.ended + WITHIN_S) for each in log.restores]
    return joined([*late.spans(path=life.opened.path, server=link.server), *restores])


def _within(times: list[float], span: Span) -> tuple[int, int]:
    """The first of the commits whose second lies in the span, and the one after the last."""
    first = bisect_left(times, span[0])
    return first, max(first, bisect_right(times, span[1] - WITHIN_S))


def _count(times: list[float], span: Span) -> int:
    first, last = _within(times, span)
    return last - first


def _live_spans(life: Life, room: str) -> Iterator[tuple[Span, Link]]:
    """When the client's subscription was live, said so by the server: up to a reset, an end, the end of the socket."""
    since: float | None = None
    link: Link | None = None
    reset_on: Link | None = None
    for step in life.steps[room]:
        if link is not None and since is not None and step.t > link.ended:
            yield (since, link.ended), link
            since = None
        match step:
            case Ready() if since is None:
                since, link = step.t, life.link_at(step.t)
            case Follows() if since is None and reset_on is not None and reset_on is life.link_at(step.t):
                since, link = step.t, reset_on
            case Reset() | Ended():
                if link is not None and since is not None:
                    yield (since, step.t), link
                since = None
                reset_on = life.link_at(step.t) if isinstance(step, Reset) else None
            case _:
                pass
    if link is not None and since is not None:
        yield (since, link.ended), link
