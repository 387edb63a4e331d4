"""A pool of connections to PostgreSQL is whole again soon after PostgreSQL is."""

import itertools
import time

import pytest
from psycopg import OperationalError
from psycopg_pool import ConnectionPool

from chat.drill.parts.waiting import until
from realtime.threads import RECONNECT_INTERVAL_S


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a pool tried to connect to a server that isn't there."""
    tried: list[float] = []

    def refuse(pool: ConnectionPool, *_: object) -> None:
        tried.append(time.monotonic())
        raise OperationalError("the server isn't there")

    monkeypatch.setattr(ConnectionPool, "_connect", refuse)
    return tried


def test_a_pool_tries_again_and_again_at_the_same_short_interval(tries: list[float]) -> None:
    pool = ConnectionPool("", min_size=1, open=False)
    pool.open()
    try:
        until(lambda: len(tries) >= 5, within_s=10, what="Five tries")
    finally:
        pool.close()
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert max(waits) < 2 * RECONNECT_INTERVAL_S
