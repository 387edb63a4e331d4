"""TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below those that systems give to outgoing connections: a port that a server leaves for a moment, to start again on it,
# could otherwise be taken by somebody's connection meanwhile.
RANGE = range(15_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    # Not the generator that a test may have seeded: two processes would then try the same ports.
    chance = random.SystemRandom()
    while True:
        port = chance.choice(RANGE)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
