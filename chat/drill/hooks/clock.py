"""Another time of day for this process: the wall clock jumps, as it does when it is set; monotonic time goes on."""

import threading
import time
from datetime import UTC, datetime, timedelta

import time_machine
from django.utils import timezone

from chat.drill.hooks.points import CLOCK
from chat.drill.orders import Orders

LOOK_INTERVAL_S = 0.05


def install(orders: Orders) -> None:
    """Follow the order `clock`: how many seconds the clock goes wrong."""
    threading.Thread(target=_follow, args=(orders,), name="drill-clock", daemon=True).start()


def _follow(orders: Orders) -> None:
    travel: time_machine.travel | None = None
    shift = ""
    while True:
        time.sleep(LOOK_INTERVAL_S)
        wanted = orders.text(CLOCK) or ""
        if wanted == shift:
            continue
        if travel is not None:
            travel.stop()
            travel = None
        if wanted:
            before = datetime.now(UTC)
            travel = time_machine.travel(before + timedelta(seconds=float(wanted)), tick=True)
            travel.start()
            orders.report(CLOCK, f"it was {before:%H:%M:%S}, now it is {timezone.now():%H:%M:%S}")
        shift = wanted
