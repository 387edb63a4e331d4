"""Serve Todoku with daphne on uvloop: `python -m config.server`, with HOST and PORT from the environment."""

import asyncio
import gc
import os
import resource
import select
import sys
import time
from contextlib import suppress

import uvloop
from twisted.internet import asyncioreactor
from twisted.internet.main import installReactor

RESET_LOOK_INTERVAL_S = 2.0


class Reactor(asyncioreactor.AsyncioSelectorReactor):
    """Twisted's timers, on a clock that nobody sets: by the wall clock they stand still after it is set back."""

    seconds = staticmethod(time.monotonic)

    def look_for_resets(self) -> None:
        """Read from the sockets that have an error: uvloop drops one, without a word, that was reset before it was
        read (libuv/libuv#3796, MagicStack/uvloop#552), and neither it nor its connection would ever end."""
        asyncio.get_running_loop().call_later(RESET_LOOK_INTERVAL_S, self.look_for_resets)
        readers = {fd: reader for reader, fd in self._readers.items()}
        errors = select.poll()
        for fd in readers:
            errors.register(fd, 0)
        for fd, _ in errors.poll(0):
            if readers[fd] in self._readers:  # what one does may have ended another
                self._readOrWrite(readers[fd], True)  # type: ignore[no-untyped-call]


# Before anything imports a reactor: daphne takes the one that it finds.
_loop = uvloop.new_event_loop()
asyncio.set_event_loop(_loop)
_reactor = Reactor(_loop)
installReactor(_reactor)  # type: ignore[no-untyped-call]
_loop.call_soon(_reactor.look_for_resets)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from config.asgi import application  # noqa: E402
from realtime.daphne import Server  # noqa: E402
from realtime.interface import interface  # noqa: E402

PING_INTERVAL_S = 45  # proxies wait a minute; and to thousands of idle connections, pings are most of what they cost
# Of objects, then of collections of the younger ones: a look at the youngest takes a few milliseconds.
GARBAGE_THRESHOLDS = (5_000, 10, 200)
BACKLOG = 1024  # all that come back at once after a restart


class TodokuServer(Server):
    """Says where it listens, or in one line why it doesn't."""

    listening = False

    def listen_success(self, port: object) -> None:
        super().listen_success(port)
        self.listening = True
        print(f"Todoku is at {address()}", flush=True)

    def listen_error(self, failure: object) -> None:
        print(f"Todoku can't listen at {address()}: {failure.getErrorMessage()}", file=sys.stderr)  # type: ignore[attr-defined]
        self.stop()


def address() -> str:
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    return f"http://{host}:{settings.PORT}"


def _load_for_good() -> None:
    """Load what requests would load, and let no collection of garbage look at it again."""
    interface()
    _ = get_resolver().reverse_dict
    gc.collect()
    gc.freeze()


def _collect_garbage_seldom() -> None:
    """Each full collection stops the process for 100 ms with 1,000 connections, and by default each quarter of them
    that comes brings one about. There is little to find: connections let go by themselves, and requests die young."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _allow_open_files() -> None:
    """As many as the system lets us have: each connection is one, and by default it may be a thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # where it lets nobody have what it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    """Serve until told to stop; 1 where it could not listen."""
    _load_for_good()
    _collect_garbage_seldom()
    _allow_open_files()
    host = settings.HOST.replace(":", r"\:")
    server = TodokuServer(
        application,
        endpoints=[f"tcp:port={settings.PORT}:interface={host}:backlog={BACKLOG}"],
        ping_interval=PING_INTERVAL_S,
        websocket_timeout=-1,  # daphne's would close with 1000, which clients take as done
        websocket_handshake_timeout=0,  # autobahn's would reset; `Channel` has one for what precedes a handshake
        websocket_max_message_size=settings.REALTIME_INBOUND_BYTES,
        websocket_max_frame_size=settings.REALTIME_INBOUND_BYTES,
        server_name="",
    )
    server.run()
    return 0 if server.listening else 1


if __name__ == "__main__":
    sys.exit(main())
