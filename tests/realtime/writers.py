"""Many writers at once: `python -m tests.realtime.writers PROCESSES APPENDS STREAM…` in a process that tests start."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from chat.drill.parts.databases import ROOT


def write(stream_ids: Sequence[int], appends: int, writer: int) -> None:
    """Append so often to each of the streams in turn, one transaction each, and close the connection."""
    from django.db import connections

    from realtime import log

    try:
        for number in range(appends):
            stream_id = stream_ids[(writer + number) % len(stream_ids)]
            with log.writing(stream_id) as stream:
                log.append(stream, "TEST", actor_id=writer, object_id=number)
    finally:
        connections.close_all()


def run(env: Mapping[str, str], *, processes: int, appends: int, stream_ids: Sequence[int]) -> "subprocess.Popen[str]":
    """Start writers in the environment of an installation; their parent ends with 0 when all have written all."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.realtime.writers", str(processes), str(appends), *map(str, stream_ids)],
        cwd=ROOT,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )


def main(processes: int, appends: int, *stream_ids: int) -> int:
    """Fork the writers once Django is set up and before anything is connected, and wait for them."""
    import django

    django.setup()
    children = []
    for writer in range(processes):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                write(stream_ids, appends, writer)
                status = 0
            except Exception:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(status)
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
