"""`python -m tests.benchmarks.counted`: Todoku's server, which says on SIGUSR1 what it has done so far.

It writes to the file that BENCHMARK_COUNTERS names: the hub's counters, how many reads each table has seen, and how
many bytes have waited at most for one connection.
"""

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

# isort: off
from config import server  # first: it installs the reactor

# isort: on
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from chat.drill.hooks.putting import put
from chat.drill.parts.waiting import until
from realtime.daphne import DirectWriter
from realtime.hub import current_hub

FILE = "BENCHMARK_COUNTERS"
ANSWER_LIMIT_S = 10.0

_FROM = re.compile(r'\bFROM "(\w+)"')

statements: Counter[str] = Counter()
most_waiting = 0


def counters_of(pid: int, file: Path) -> dict[str, Any]:
    """What the server with this process id has done so far."""
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    until(file.exists, within_s=ANSWER_LIMIT_S, what="The server's counters")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _count(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    if sql.startswith("SELECT") and (table := _FROM.search(sql)):
        statements[table[1]] += 1
    return execute(sql, parameters, many, context)


def _attend(connection: BaseDatabaseWrapper, **_: object) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


def _say() -> None:
    file = Path(os.environ[FILE])
    draft = file.with_suffix(".draft")
    said = {**asdict(current_hub().counters), "selects": statements, "most_waiting": most_waiting}
    draft.write_text(json.dumps(said))
    draft.rename(file)


def _watch_what_waits() -> None:
    measure = DirectWriter._measure

    def measured(writer: DirectWriter) -> None:
        global most_waiting
        most_waiting = max(most_waiting, writer.waiting)
        measure(writer)

    put(DirectWriter, "_measure", measured)


if __name__ == "__main__":
    connection_created.connect(_attend)
    _watch_what_waits()
    server._loop.add_signal_handler(signal.SIGUSR1, _say)
    sys.exit(server.main())
