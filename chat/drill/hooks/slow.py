"""The product without one of its fast paths: slower, and all that it promises holds."""

from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import count
from typing import Any

from django.core.handlers.asgi import ASGIHandler

from chat.drill.hooks.putting import put
from realtime import documents, gathering
from realtime.broadcast import Broadcast
from realtime.consumer import Consumer
from realtime.payloads import Request
from realtime.plain_fields import Synchronous
from realtime.prepared import Prepared, PreparedUpdate
from realtime.writer import AsgiWriter


def install(name: str) -> None:
    """Do without one of them.

    Raises:
        KeyError: no fast path has this name.
    """
    WITHOUT[name]()


def _direct_writes() -> None:
    """Frames go through ordinary ASGI sends."""
    connect = Consumer.connect

    async def connecting(consumer: Consumer) -> None:
        await connect(consumer)
        if consumer._writer is not None:
            consumer._writer = AsgiWriter(consumer.base_send)

    put(Consumer, "connect", connecting)


def _shared_executions() -> None:
    """Each subscription is executed for itself."""
    of, numbers = Request.of, count()

    def alone(operation: Any, variables: Mapping[str, Any], viewer: Any) -> Request:
        request = of(operation, variables, viewer)
        text, *rest = request.key
        object.__setattr__(request, "key", (f"{text}#{next(numbers)}", *rest))
        return request

    put(Request, "of", alone)


def _kept_payloads() -> None:
    """Who comes back is served from the log alone."""
    put(Broadcast, "_keep", lambda *_: None)


def _gathered_sends() -> None:
    """Each send has a transaction of its own."""
    put(gathering, "MOST", 1)


def _prepared_queries() -> None:
    """Django makes the SQL of each query anew."""
    for kind in (Prepared, PreparedUpdate):
        put(kind, "__call__", _forgetting(kind.__call__))


def _forgetting(run: Callable[..., Any]) -> Callable[..., Any]:
    def anew(prepared: Any, **values: Any) -> Any:
        vars(prepared._local).clear()
        return run(prepared, **values)

    return anew


def _plain_fields() -> None:
    """graphql-core executes by itself."""
    put(documents, "Execution", lambda *_: Synchronous)


def _one_hop() -> None:
    """HTTP goes through Django's own handler."""
    for name in ("pages", "endpoint"):
        put(import_module("config.asgi"), name, ASGIHandler())


WITHOUT: dict[str, Callable[[], None]] = {
    "direct-writes": _direct_writes,
    "shared-executions": _shared_executions,
    "kept-payloads": _kept_payloads,
    "gathered-sends": _gathered_sends,
    "prepared-queries": _prepared_queries,
    "plain-fields": _plain_fields,
    "one-hop": _one_hop,
}
