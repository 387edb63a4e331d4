"""What must hold before anything slow begins: a Python that is new enough, and a free port.

Run by the Makefile as a script with whatever Python the machine has, so it is written for old ones.
"""

import errno
import os
import socket
import sys

OLDEST_PYTHON = (3, 11)


def complaint():
    # type: () -> str | None
    """What is wrong, in one line, or None."""
    if sys.version_info < OLDEST_PYTHON:
        return "Todoku needs Python %d.%d or newer, and %s is %s. Name another one: make PYTHON=python3.12 ..." % (
            OLDEST_PYTHON + (sys.executable, sys.version.split()[0])
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "%s has no venv or pip (on Debian and Ubuntu: apt install python3-venv)." % sys.executable
    if "PORT" in os.environ:
        return port_complaint(os.environ.get("HOST", "127.0.0.1"), os.environ["PORT"])
    return None


def port_complaint(host, port):
    # type: (str, str) -> str | None
    """Why the server could not listen at `host` and `port`, or None."""
    if not port.isdigit() or not 0 < int(port) < 65536:
        return "PORT should be a number from 1 to 65535, not %r." % port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "Port %s on %s is in use. Choose another one: make run PORT=%d" % (port, host, int(port) + 1)
        return "Todoku can't listen on %s, port %s: %s" % (host, port, error.strerror or error)
    return None


if __name__ == "__main__":
    sys.exit(complaint())
