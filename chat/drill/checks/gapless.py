"""What a client applies in a room rises by one, or a reset that the log bears out stands between."""

from dataclasses import dataclass, field
from math import inf

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.lives import Step, lives
from chat.drill.checks.outcome import Outcome
from chat.drill.history import Applied, Ended, Follows, History, Passed, Ready, Reset
from realtime.cursor import Cursor, CursorInvalid

NAME = "gapless"
SENTENCE = "Seqs of a room rise by one at each client, or a reset says why, and the log bears it out."

MAX_REPLAY_EVENTS = 1_000  # what the server replays at most; past that it resets
NOTICED_S = 5.0
"""So long after a restore, a server may still stand where the old log ended."""


def check(history: History) -> Outcome:
    logs = room_logs(history)
    checked, failures, notes = 0, [], []
    for room, log in logs.items():
        for era in log.eras:
            failures += [
                f"the log of room {room} goes from #{one.seq} to #{other.seq}"
                for one, other in zip(era.entries, era.entries[1:], strict=False)
                if other.seq != one.seq + 1
            ]
    for life in lives(history).values():
        for room, steps in life.steps.items():
            if room in logs:
                walk = _Walk(f"{life.name} in room {room}", logs[room])
                for step in steps:
                    walk.take(step)
                checked += walk.checked
                failures += walk.failures
            else:
                notes.append(f"no log of room {room} was read, which {life.name} follows")
    return Outcome(NAME, SENTENCE, checked, failures, notes)


@dataclass(slots=True)
class _Walk:
    """One client's way through a room: where it stands, after a seq between `least` and `most`.

    They differ where a page says how far the room was at most, while the cursor beside it is older.
    """

    who: str
    log: RoomLog
    checked: int = 0
    failures: list[str] = field(default_factory=list)
    least: float = inf
    most: float = -inf
    cursor: str | None = None  # of the event at `least`, where that is known
    since: float = -inf  # when it was fetched anew, or reset, for the last time
    placed: bool = False  # not before the first fetch, nor after an end: the next fetch may lead anywhere
    to_fetch: bool = False  # after a reset
    seen: set[str] = field(default_factory=set)

    def take(self, step: Step) -> None:
        match step:
            case Follows():
                self._follow(step)
            case Applied():
                self._event(step, step.seq)
            case Passed():
                self._event(step, _seq_of(self.log, step.cursor))
            case Ready():
                self._ready(step)
            case Reset():
                self._reset(step)
            case Ended():
                self.placed = False

    def _follow(self, step: Follows) -> None:
        after = _seq_of(self.log, step.cursor) or 0
        if not self.placed:
            self._stand(after, step.seq, step.cursor)
        else:
            self.checked += 1
            if not self.to_fetch and after > self.most:
                self.failures.append(f"{self.who} stood after {self._place()} and fetched #{step.seq} without a reset")
            # It goes on from where it was reset, or from this fetch.
            cursor = step.cursor if after < self.least else self.cursor
            self._stand(min(self.least, after), max(self.most, step.seq), cursor)
        self.since = step.t
        self.placed, self.to_fetch = True, False

    def _stand(self, least: float, most: float, cursor: str | None) -> None:
        self.least, self.most, self.cursor = least, most, cursor

    def _event(self, step: Applied | Passed, seq: int | None) -> None:
        if step.cursor in self.seen:
            return  # whether it may come again is another promise
        self.seen.add(step.cursor)
        self.checked += 1
        entry = self.log.entry(step.cursor)
        if entry is None and self.log.was_read:
            self.failures.append(f"{self.who} got {_words(step, seq)}, which no log has")
        if seq is None:
            self.most += 1
            return
        if entry is not None and entry.seq != seq:
            self.failures.append(f"{self.who} got #{seq}, which is #{entry.seq} in the log")
        if not self.least < seq <= self.most + 1:
            self.failures.append(f"{self.who} stood after {self._place()} and got {_words(step, seq)}")
        elif self.cursor is not None and not self._together(self.cursor, step.cursor):
            self.failures.append(f"{self.who} went on to #{seq} of a restored log without a reset")
        self._stand(seq, seq, step.cursor)

    def _ready(self, step: Ready) -> None:
        self.checked += 1
        if not self.least <= step.seq <= self.most:
            self.failures.append(f"{self.who} stood after {self._place()} and was told that #{step.seq} is the last")
            return
        self._stand(step.seq, step.seq, step.cursor)

    def _reset(self, step: Reset) -> None:
        self.checked += 1
        if (why := self._unfounded(step)) is not None:
            self.failures.append(f"{self.who} was reset with {step.reason}, but {why}")
        self._stand(step.seq, step.seq, step.cursor)
        self.since = step.t
        self.placed = self.to_fetch = True

    def _unfounded(self, step: Reset) -> str | None:
        """Why the log doesn't bear out the reason; None where it does."""
        after = None if step.after is None else _seq_of(self.log, step.after)
        known = step.after is not None and self.log.rank(step.after) is not None
        match step.reason:
            case "CURSOR_INVALID":
                return "its cursor was one of the room's" if step.after is None or known else None
            case "CURSOR_EXPIRED":
                oldest = self.log.era_at(step.t).first
                return None if after is not None and after < oldest else f"the log begins with #{oldest}"
            case "TOO_FAR_BEHIND":
                behind = step.seq - (self.least if after is None else min(self.least, after))
                return None if behind > MAX_REPLAY_EVENTS else f"it was {behind:.0f} events behind"
            case "HISTORY_CHANGED":
                return None if self._restored(step.t) else "no backup was restored that lacked what it knew"
            case _:
                return "that is no reason"

    def _restored(self, t: float) -> bool:
        return any(
            each.lossy and each.began <= t and self.since <= each.ended + NOTICED_S for each in self.log.restores
        )

    def _together(self, one: str, other: str) -> bool:
        """Whether both events stand in one log; of those that no log has, nothing can be said."""
        if self.log.rank(one) is None or self.log.rank(other) is None:
            return True
        return any(other in era.entry_of for era in self.log.eras_with(one))

    def _place(self) -> str:
        if self.most == -inf:
            return "nothing"
        return f"#{self.most:.0f}" if self.least == self.most else f"#{self.least:.0f} to #{self.most:.0f}"


def _words(step: Applied | Passed, seq: int | None) -> str:
    return f"an event {step.cursor}" if seq is None else f"#{seq}"


def _seq_of(log: RoomLog, cursor: str) -> int | None:
    """The seq that a cursor names, also where no log has it; None where it is no cursor."""
    rank = log.rank(cursor)
    if rank is not None:
        return rank[1]
    try:
        return Cursor.parse(cursor).seq
    except CursorInvalid:
        return None
