"""The worker threads, and what they keep."""

import asyncio
from typing import Any

import pytest
from django.db import connection

from chat.models import User
from realtime.threads import Lane


@pytest.mark.usefixtures("database")
def test_while_debugging_no_thread_keeps_the_queries_of_earlier_work(settings: Any) -> None:
    settings.DEBUG = True
    lane = Lane("debugging", lambda: 1)

    def queries() -> int:
        User.objects.exists()
        return len(connection.queries)

    async def scene() -> list[int]:
        return [await lane.run(queries) for _ in range(3)]

    try:
        first, *later = asyncio.run(scene())
    finally:
        lane.renew()
    assert first > 0
    assert max(later) <= first
