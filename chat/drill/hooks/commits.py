"""Records each commit of this process, right after it."""

import threading
import time
from pathlib import Path
from typing import Any

from chat.drill.history import Committed, line_of
from realtime import doorbell, log


class _Appended(threading.local):
    """What this thread has appended and not committed yet."""

    def __init__(self) -> None:
        self.cursors: dict[tuple[int, int], str] = {}


_appended = _Appended()


def install(file: Path, server: int) -> None:
    """Append a `Committed` to `file` for each event, before its hint goes out."""
    lines = file.open("a", buffering=1)
    append_all, ring = log.append_all, doorbell.ring

    def appended(stream: Any, entries: Any) -> Any:
        events = append_all(stream, entries)
        for event in events:
            _appended.cursors[event.stream_id, event.seq] = str(event.cursor)
        return events

    def recorded(stream_id: int, seq: int) -> None:
        cursor = _appended.cursors.pop((stream_id, seq))
        lines.write(line_of(Committed(time.monotonic(), server, stream_id, cursor)))
        ring(stream_id, seq)

    log.append_all = appended
    doorbell.ring = recorded
