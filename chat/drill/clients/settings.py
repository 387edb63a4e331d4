"""How a client of the drill behaves: its times, its pages, and the faults that a test of the drill gives it."""

from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Any delay between nothing and a bound that doubles up to a cap: "full jitter".

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    base_s: float
    cap_s: float

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds before the next try; `attempt` counts from 0."""
        return random.random() * min(self.cap_s, self.base_s * 2.0 ** min(attempt, 30))


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds. The defaults are those of a drill: short, so that a run sees many tries.

    Args:
        ping_after_s: so long without a word from the server, and the client asks whether it is there.
        pong_within_s: so long without any word after that, and the socket is given up as half-open.
        page_size: messages, and members, that one request fetches.
        opening_s: what an opening handshake, and then the server's acknowledgement, may take.
        request_s: what a request may take before its fate counts as unknown.
        reread_s: how often the client looks at a page of a room again, as somebody does who scrolls; 0: never.
        over_websocket: send what the outbox holds over the WebSocket instead of HTTP.
        bugs: `stale-page` (a page that comes late overwrites what newer events said), `reordering-outbox` (of two
            operations that wait, the second goes first). Only to see that the checks find them.
    """

    reconnecting: Backoff = field(default=Backoff(0.2, 2.0))
    retrying: Backoff = field(default=Backoff(0.2, 2.0))
    opening_s: float = 5.0
    ping_after_s: float = 4.0
    pong_within_s: float = 3.0
    request_s: float = 5.0
    page_size: int = 100
    reread_s: float = 10.0
    over_websocket: bool = False
    bugs: frozenset[str] = frozenset()
