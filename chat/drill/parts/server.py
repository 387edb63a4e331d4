"""A Todoku server in a process of its own, as operators run it."""

import http.client
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from chat.drill.parts.databases import ROOT, environment, manage
from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.waiting import until

START_LIMIT_S = 60
STOP_LIMIT_S = 15


@dataclass(slots=True)
class Server:
    """One server process on a port that it keeps across restarts; `module` is what runs as its program."""

    folder: Path
    env: dict[str, str]
    port: int
    module: str = "config.server"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where it serves graphql-transport-ws."""
        return f"ws://{LOOPBACK}:{self.port}/graphql"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ProcessLookupError("the server is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """All that its processes have printed so far, across restarts."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start the process and wait until it answers requests."""
        self.begin_start()
        self.wait_until_ready()

    def begin_start(self) -> None:
        """Start the process without waiting for it."""
        if self._process is not None:
            raise PartFailedError(f"The server on port {self.port} is running already.")
        with (self.folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        """Return when the server answers requests."""
        try:
            until(self._answers, within_s=START_LIMIT_S, what=f"An answer from {self.url}")
        except (TimeoutError, ChildProcessError) as error:
            self.kill()
            raise PartFailedError(f"The server did not start: {error}\n{self.log}") from error

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL): it gets no chance to say or save anything."""
        self._end(SIGKILL)

    def stop(self) -> None:
        """Ask the process to end (SIGTERM) and wait for it."""
        self._end(SIGTERM)

    def signal(self, signal: Signals) -> None:
        """Send the process a signal."""
        os.kill(self.pid, signal)

    @property
    def status(self) -> int | None:
        """With what a process has ended that nobody has ended; None while it runs, and where there is none."""
        return None if self._process is None else self._process.poll()

    def wait_for_end(self, within_s: float) -> int:
        """Wait until the process has ended of itself and return its status, negative where a signal ended it.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if self._process is None:
            raise ProcessLookupError("the server is not running")
        status = self._process.wait(within_s)
        self._process = None
        return status

    def restart(self) -> None:
        """Kill the process and start it again on the same port."""
        self.kill()
        self.start()

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command on this server's database and return what it printed."""
        return manage(*arguments, env=self.env)

    def python(self, code: str) -> str:
        """Run `code` in a Django shell on this server's database, in another process, and return what it printed."""
        return self.manage("shell", "--verbosity", "0", "--command", code)

    def _end(self, how: Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise PartFailedError(f"The server did not end within {STOP_LIMIT_S} s of {how.name}\n{self.log}") from None
        finally:
            self._process = None

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ChildProcessError(f"it ended with status {self._process.returncode}")
        try:
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        connection.close()
        return True


def prepare(folder: Path, *, database_url: str, channel_layer_url: str = "memory://", **env: str) -> Server:
    """A server, not started yet, over a migrated database; `env` sets further variables."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    return Server(
        folder=folder,
        port=port,
        env=environment(
            var=folder,
            database_url=database_url,
            CHANNEL_LAYER_URL=channel_layer_url,
            HOST=LOOPBACK,
            PORT=str(port),
            PYTHONUNBUFFERED="1",
            **env,
        ),
    )
