"""Any two clients apply what both of them apply in the same order."""

from collections import Counter

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.lives import lives
from chat.drill.checks.outcome import Outcome
from chat.drill.history import Applied, History

NAME = "one-order"
SENTENCE = "Any two clients apply the events that both applied in the same order."

Order = dict[str, int]
"""The place of each event in what a client applied, by cursor; a repeat counts as the first."""


def check(history: History) -> Outcome:
    checked, failures = 0, []
    for room, log in room_logs(history).items():
        orders = {}
        seqs: dict[str, int] = {}
        for life in lives(history).values():
            applied = [step for step in life.steps.get(room, []) if isinstance(step, Applied)]
            seqs |= {step.cursor: step.seq for step in applied}
            if applied:
                orders[life.name] = {
                    cursor: n for n, cursor in enumerate(dict.fromkeys(step.cursor for step in applied))
                }
        common = Counter(cursor for order in orders.values() for cursor in order)
        checked += sum(count - 1 for count in common.values())
        # Those who follow the log's order agree with each other; only the rest has to be compared, with everybody.
        rest = [name for name, order in orders.items() if not _as_logged(log, order)]
        for number, name in enumerate(rest):
            for other in orders:
                if other not in rest[: number + 1] and (pair := _disagreement(orders[name], orders[other])):
                    first, second = (seqs[cursor] for cursor in pair)
                    failures.append(f"in room {room}, {other} applied #{first} before #{second}, {name} after it")
    return Outcome(NAME, SENTENCE, checked, failures)


def _as_logged(log: RoomLog, order: Order) -> bool:
    ranks = [log.rank(cursor) for cursor in order]
    known = [rank for rank in ranks if rank is not None]
    return len(known) == len(ranks) and known == sorted(known)


def _disagreement(one: Order, other: Order) -> tuple[str, str] | None:
    """Two events that the other client applied in this order, and the one in the opposite."""
    before: str | None = None
    for cursor in other:
        if cursor in one:
            if before is not None and one[cursor] < one[before]:
                return before, cursor
            before = cursor
    return None
