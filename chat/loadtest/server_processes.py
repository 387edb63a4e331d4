"""The measured server's processes, where they run on this machine."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import psutil

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ServerProcesses:
    """Their CPU time and their memory."""

    def __init__(self, pids: Iterable[int]) -> None:
        """
        Raises:
            psutil.NoSuchProcess: one of them does not run.
        """
        self._processes = [psutil.Process(pid) for pid in pids]

    def __bool__(self) -> bool:
        return bool(self._processes)

    def cpu_s(self) -> float:
        """What all of them have used so far, in user and system mode, as the kernel counts it."""
        times = [process.cpu_times() for process in self._processes]
        return float(sum(each.user + each.system for each in times))

    def resident_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)


def found_at(url: str) -> ServerProcesses:
    """Those that listen at the URL's port of this machine; none where it is another machine or may not be seen."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return ServerProcesses(())
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied:
        return ServerProcesses(())
    return ServerProcesses({each.pid for each in listening if each.laddr and each.laddr.port == port and each.pid})
