"""Tasks that outlive what goes wrong in them, and what they say of it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from django.test import override_settings

from realtime import tasks
from realtime.relay import BEAT_INTERVAL_S, MAX_UNHEARD_BEATS
from realtime.tasks import STEADY_S, supervised
from tests.parts.eventually import eventually

FAILURES = 10


@dataclass
class Work:
    """Fails as it is told to, and then runs."""

    failures: list[Exception]
    runs: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        await self.over.wait()
        self.over.clear()

    __name__ = "work"

    def fail_again(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.over.set()


async def test_what_fails_again_and_again_is_told_once_and_so_is_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "STEADY_S", 0.2)
    caplog.set_level(logging.DEBUG, logger="realtime.tasks")
    work = Work([OSError(number) for number in range(FAILURES)] + [ValueError("another"), OSError("and on")])
    told: list[str] = []

    def warnings() -> list[str]:
        return [record.message for record in caplog.records if record.levelno == logging.WARNING]

    with override_settings(REALTIME_SWEEP_INTERVAL_S=0.001):
        running = asyncio.create_task(supervised(work))
        try:
            told += ["work failed, it starts anew: OSError(0)", "work failed, it starts anew: ValueError('another')"]
            told += ["work works again"]
            await eventually(lambda: "work works again" in warnings(), what="the end of the failures")
            assert warnings() == told
            assert work.runs == FAILURES + 3
            debugged = [record for record in caplog.records if record.levelno == logging.DEBUG]
            assert len(debugged) == FAILURES
            assert all(record.exc_info for record in caplog.records if "failed" in record.message)

            work.fail_again(OSError("once more"))
            told += ["work failed, it starts anew: OSError('once more')", "work works again"]
            await eventually(lambda: len(warnings()) >= len(told), what="another row of failures, and its end")
            assert warnings() == told
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def test_a_layer_that_swallows_does_not_look_as_if_it_worked_between_two_failures() -> None:
    assert STEADY_S > BEAT_INTERVAL_S * MAX_UNHEARD_BEATS
