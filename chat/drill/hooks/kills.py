"""The points of a send and of a fan-out at which a crash would hurt most, if anything rested on memory."""

import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from chat.drill.hooks.points import AFTER_COMMIT, AFTER_HINT, BEFORE_COMMIT, MID_FAN_OUT
from chat.drill.hooks.putting import put
from chat.drill.orders import Orders
from realtime import doorbell, endpoint, log, relay
from realtime.feed import Feed

HINT_WAIT_S = 0.2
WATCHED = "_drill_group_send"  # a layer whose sends are looked at keeps its own way of sending here

_this_thread = threading.local()


def install(orders: Orders) -> None:
    """Let the process be killed at each point, once it is ordered."""
    _before_commit(orders)
    _after_commit(orders)
    _after_hint(orders)
    _mid_fan_out(orders)


def _die(orders: Orders, point: str, where: str) -> None:
    """End as in a power cut, if this point was ordered and no other thread is about to."""
    if orders.given(point) and orders.claim(point):
        orders.report(point, where)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal takes this thread, too, before it does anything


def _before_commit(orders: Orders) -> None:
    append_all = log.append_all

    def appended(stream: Any, entries: Any) -> Any:
        events = append_all(stream, entries)
        for event in events:
            _die(orders, BEFORE_COMMIT, f"{stream.key} #{event.seq} {event.kind} written, not committed")
        return events

    log.append_all = appended


def _after_commit(orders: Orders) -> None:
    ring = doorbell.ring

    def rung(stream_id: int, seq: int) -> None:
        _die(orders, AFTER_COMMIT, f"stream {stream_id} #{seq} committed, no hint sent")
        _this_thread.rung = (stream_id, seq)
        ring(stream_id, seq)

    doorbell.ring = rung


def _after_hint(orders: Orders) -> None:
    told = threading.Condition()
    told_of: dict[int, int] = {}
    execute: Callable[..., Any] = endpoint._execute
    layer_of: Callable[[], Any] = vars(relay)["get_channel_layer"]

    def executed(*given: Any) -> Any:
        _this_thread.rung = None
        answer = execute(*given)
        if orders.given(AFTER_HINT) and (rung := _this_thread.rung) is not None:
            stream_id, seq = rung
            with told:
                hinted = told.wait_for(lambda: told_of.get(stream_id, 0) >= seq, HINT_WAIT_S)
            if hinted:
                _die(orders, AFTER_HINT, f"stream {stream_id} #{seq} committed, hint sent, request not answered")
        return answer

    def watched_layer() -> Any:
        layer = layer_of()
        if not hasattr(layer, WATCHED):
            setattr(layer, WATCHED, layer.group_send)
            layer.group_send = partial(send, getattr(layer, WATCHED))
        return layer

    async def send(group_send: Callable[..., Awaitable[None]], group: str, message: dict[str, Any]) -> None:
        await group_send(group, message)
        with told:
            told_of.update(message.get("streams", ()))
            told.notify_all()

    put(endpoint, "_execute", executed)
    put(relay, "get_channel_layer", watched_layer)


def _mid_fan_out(orders: Orders) -> None:
    deliver = Feed.deliver
    delivered: dict[tuple[int, int], int] = {}

    def delivering(feed: Feed, seq: int, payload: bytes | None) -> None:
        deliver(feed, seq, payload)
        if not orders.given(MID_FAN_OUT):
            return
        audience = len(feed._broadcast.live)
        key = (id(feed._broadcast), seq)
        count = delivered[key] = delivered.get(key, 0) + 1
        if 0 < count < audience <= 2 * count:
            _die(orders, MID_FAN_OUT, f"event #{seq} handed to {count} of {audience} feeds")

    put(Feed, "deliver", delivering)
