"""Short histories, written down line by line."""

from chat.drill.history import Follows, History, Logged, Opened, Record, Restored, Room, Run

ROOM = "r"
STREAM = 1


def cursor(seq: int, era: int = 0) -> str:
    return f"{seq}.{era}"


def log(t: float, last: int, *, first: int = 1, since: int = 0, final: bool = True) -> Logged:
    """A log from `first` to `last`; what is later than `since`, where given, was written after a restore."""
    rows = [
        [seq, cursor(seq, 1 if since and seq > since else 0), "message.sent", f"m{seq}", "p", {}]
        for seq in range(first, last + 1)
    ]
    return Logged(t, ROOM, STREAM, final, rows, {f"m{seq}": seq for seq in range(first, last + 1)})


def restored(t: float, head: int) -> Restored:
    return Restored(t, {ROOM: head})


def history(*records: Record) -> History:
    """A room that `p` is a member of, a client `c` of theirs, and what is given."""
    start = [
        Run(0.0, 1, "sqlite", "memory", 1),
        Room(0.0, ROOM, "PRIVATE", ["p"]),
        Opened(0.0, "c", "box", "p", "contract", "path"),
    ]
    return History(sorted([*start, *records], key=lambda record: record.t))


def follows(t: float, seq: int) -> Follows:
    return Follows(t, "c", ROOM, seq, cursor(seq))
