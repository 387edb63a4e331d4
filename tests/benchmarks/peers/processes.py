"""The peers in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chat.drill.parts import node
from chat.drill.parts.databases import ROOT
from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.waiting import until

START_LIMIT_S = 30
STOP_LIMIT_S = 15

HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules" / ".run"

PYTHON_MODULES = {"stock": "tests.benchmarks.peers.stock", "websockets": "tests.benchmarks.peers.floor"}
NODE_PROGRAMS = {"apollo": HERE / "apollo.mjs", "ws": HERE / "floor.mjs"}
# They serve Todoku's operations; the others are floors and know nothing of GraphQL.
GRAPHQL_PEERS = ("apollo", "stock")
FLOORS = ("ws", "websockets")


def missing(name: str) -> str | None:
    """Why the peer cannot start here; None where it can."""
    if name in NODE_PROGRAMS and not INSTALLED.exists():
        return f"{name} is not installed: run 'make peers'."
    return None


@dataclass(slots=True)
class Peer:
    """One peer's process; `folder` takes its store and its log."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it answers over HTTP, without a slash at the end. Floors don't."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where it delivers: graphql-transport-ws, or plain text frames from a floor."""
        return f"ws://{LOOPBACK}:{self.port}/{'graphql' if self.name in GRAPHQL_PEERS else ''}"

    @property
    def send_url(self) -> str:
        """Where a floor takes over WebSocket what it delivers to all."""
        return f"ws://{LOOPBACK}:{self.port}/send"

    @property
    def pid(self) -> int:
        """The process id of the running peer."""
        if self._process is None:
            raise ProcessLookupError(f"{self.name} is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it has printed so far."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            PartFailedError: it doesn't; the message has its output.
        """
        if reason := missing(self.name):
            raise PartFailedError(reason)
        self.folder.mkdir(parents=True, exist_ok=True)
        given = {"PORT": str(self.port), "FOLDER": str(self.folder), "NODE_ENV": "production"}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env=os.environ | given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._is_ready, within_s=START_LIMIT_S, what=f"The line 'ready' from {self.name}")
        except (TimeoutError, ChildProcessError) as error:
            self.kill()
            raise PartFailedError(f"{self.name} did not start: {error}\n{self.log}") from error

    def stop(self) -> None:
        """Ask the process to end (SIGTERM) and wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise PartFailedError(f"{self.name} did not end within {STOP_LIMIT_S} s of SIGTERM\n{self.log}") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _command(self) -> list[str]:
        if module := PYTHON_MODULES.get(self.name):
            return [sys.executable, "-m", module]
        return [node.program(), str(NODE_PROGRAMS[self.name])]

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ChildProcessError(f"it ended with status {self._process.returncode}")
        return "ready" in self.log.splitlines()


@contextmanager
def running(name: str, folder: Path) -> Iterator[Peer]:
    """A peer of this name (`apollo`, `stock`, `ws` or `websockets`) that listens, and ends with the block."""
    peer = Peer(name, folder)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()
