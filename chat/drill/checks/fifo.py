"""What a person did in one room goes out in the order in which it was done, from every tab of a browser."""

from collections import defaultdict
from collections.abc import Iterator
from math import inf

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.operations import MARKERS, SEND, Operation, dropped, operations
from chat.drill.checks.outcome import Outcome
from chat.drill.history import History

NAME = "fifo"
SENTENCE = "What one outbox holds for a room goes out, and is stored, in the order in which it was done."

TABS_S = 0.25
"""What two tabs do closer together than this has no order: neither has seen the other's."""


def check(history: History) -> Outcome:
    lanes: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for operation in operations(history):
        if operation.called.verb not in MARKERS:
            lanes[operation.called.outbox, operation.room].append(operation)
    logs, forgotten = room_logs(history), dropped(history)
    checked, failures = 0, []
    for (outbox, room), lane in lanes.items():
        due = {
            each.id: -inf if (outbox, each.id) in forgotten else inf if each.settled is None else each.settled
            for each in lane
        }
        for operation, earlier, until in _latest_before(lane, due):
            if operation.tried:
                checked += 1
                if until > operation.tried[0]:
                    failures.append(
                        f"in {outbox}, room {room}: {_words(operation)} was tried "
                        f"while {_words(earlier)}, done before it, was not settled"
                    )
        if room in logs:
            stored, out_of_order = _compare_with_log(outbox, logs[room], lane)
            checked += stored
            failures += out_of_order
    return Outcome(NAME, SENTENCE, checked, failures)


def _compare_with_log(outbox: str, log: RoomLog, lane: list[Operation]) -> tuple[int, list[str]]:
    """How many sends were looked at, and which are stored before one that was done earlier."""
    checked, failures = 0, []
    sent = [operation for operation in lane if operation.called.verb == SEND and not operation.refused]
    for era in log.eras:
        stored = [operation for operation in sent if operation.id in era.messages]
        places = {operation.id: float(era.messages[operation.id]) for operation in stored}
        for operation, earlier, place in _latest_before(stored, places):
            checked += 1
            if place > places[operation.id]:
                failures.append(
                    f"in {outbox}, room {log.room}: {_words(earlier)} was done before {_words(operation)}, "
                    f"and is #{place:.0f} after #{places[operation.id]:.0f}"
                )
    return checked, failures


def _latest_before(lane: list[Operation], value: dict[str, float]) -> Iterator[tuple[Operation, Operation, float]]:
    """Each operation, with the highest value of those that were surely done before it, and whose that is."""
    own: dict[str, Operation] = {}
    all_: Operation | None = None
    behind = 0
    for operation in lane:
        while lane[behind].called.t < operation.called.t - TABS_S:
            all_ = _higher(all_, lane[behind], value)
            behind += 1
        client = operation.called.client
        mine = own.get(client)
        if (earlier := mine if all_ is None else _higher(mine, all_, value)) is not None:
            yield operation, earlier, value[earlier.id]
        own[client] = _higher(mine, operation, value)


def _higher(one: Operation | None, other: Operation, value: dict[str, float]) -> Operation:
    return other if one is None or value[other.id] > value[one.id] else one


def _words(operation: Operation) -> str:
    return f"{operation.called.verb} {operation.id}"
