"""How far each client had come in a room, as time went on."""

from bisect import bisect_left
from collections.abc import Iterable
from math import inf

from chat.drill.checks.eras import Rank, RoomLog
from chat.drill.checks.lives import Step
from chat.drill.history import Applied, Follows, Passed, Ready


class Progress:
    """The furthest place that a client's steps say it has reached, by time."""

    def __init__(self, log: RoomLog, steps: Iterable[Step]) -> None:
        self._times: list[float] = []
        self._ranks: list[Rank] = []
        for step in steps:
            rank = _reached_by(log, step)
            if rank is not None and (not self._ranks or rank > self._ranks[-1]):
                self._times.append(step.t)
                self._ranks.append(rank)

    def reached(self, rank: Rank) -> float:
        """When the client had this event and all before it, for the first time; infinite where it never did."""
        index = bisect_left(self._ranks, rank)
        return self._times[index] if index < len(self._times) else inf


def _reached_by(log: RoomLog, step: Step) -> Rank | None:
    match step:
        case Applied() | Passed() | Ready():
            return log.rank(step.cursor)
        case Follows():
            entry = log.era_at(step.t).entry_at.get(step.seq)
            said = None if entry is None else log.rank(entry.cursor)
            return max((rank for rank in (said, log.rank(step.cursor)) if rank is not None), default=None)
        case _:
            return None
