"""The ASGI application: Django for HTTP, one consumer for WebSockets."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

django = get_asgi_application()

from realtime.consumer import Consumer  # noqa: E402  (models can be imported only after Django is set up)
from realtime.health import PATHS, health  # noqa: E402
from realtime.hub import current_hub  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

consumer = Consumer.as_asgi()

# Each request takes a thread and a connection to the database while it is answered; more of them at once would only
# take these away from the deliveries. Those that wait here wait in their order.
gate = asyncio.Semaphore(settings.HTTP_REQUESTS_AT_ONCE)


async def http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, in a process whose hub runs: one that serves sends alone has to ring for the others too."""
    if scope["path"] in PATHS:
        await health(scope, receive, send)
        return
    current_hub()
    async with gate:
        await django(scope, receive, send)


async def websocket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The endpoint's path alone; a handshake elsewhere is refused with 403, not with a traceback."""
    if scope["path"] == "/graphql":
        await consumer(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})


application = ProtocolTypeRouter({"http": http, "websocket": websocket})
