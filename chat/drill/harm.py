"""What a fault must not do to WebSockets, looked for in the whole record: the pages write theirs for themselves."""

from chat.drill.checks.excuses import Incident, incidents
from chat.drill.checks.lives import Life, lives
from chat.drill.faults import drain, layer
from chat.drill.history import Connection, History

COME_BACK = 1012
UNNOTICED = frozenset(kind.name for kind in layer.KINDS)


def harm(history: History) -> list[str]:
    """A sentence for each WebSocket that a fault dropped, or dropped in another way, than it may."""
    faults = incidents(history)
    return [
        f"{fault.name} ({fault.id}): {life.name} was closed with {record.code}"
        for life in lives(history).values()
        for record in life.connections
        if record.state == "lost"
        for fault in faults
        if fault.began <= record.t <= fault.ended and _is_to_blame(fault, life, record, faults)
    ]


def _is_to_blame(fault: Incident, life: Life, record: Connection, faults: list[Incident]) -> bool:
    """Whether nothing else was going on that excuses it, and the fault is one that must not do that."""
    link = life.link_at(record.t)
    server = None if link is None else link.server
    others = [each for each in faults if each is not fault and each.touches(record.t, record.t)]
    if any(each.excuses_from(path=life.opened.path, server=server) for each in others):
        return False
    if fault.name == drain.KIND.name:
        return str(server) in fault.scope and record.code != COME_BACK
    return fault.name in UNNOTICED
