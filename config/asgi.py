"""The ASGI application: Django for HTTP, one consumer for WebSockets."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import django
from channels.routing import ProtocolTypeRouter
from django.conf import settings

django.setup(set_prefix=False)

from realtime.consumer import Consumer  # noqa: E402  (models can be imported only after Django is set up)
from realtime.endpoint import graphql_view  # noqa: E402
from realtime.handler import Handler  # noqa: E402
from realtime.health import PATHS, health  # noqa: E402
from realtime.hub import current_hub  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

ENDPOINT = "/graphql"

consumer = Consumer.as_asgi()
endpoint = Handler(graphql_view, settings.ENDPOINT_MIDDLEWARE)
pages = Handler()


async def http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, in a process whose hub runs: one that serves sends alone has to ring for the others too."""
    if scope["path"] in PATHS:
        await health(scope, receive, send)
        return
    current_hub()
    await (endpoint if scope["path"] == ENDPOINT else pages)(scope, receive, send)


async def websocket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The endpoint's path alone; a handshake elsewhere is refused with 403, not with a traceback."""
    if scope["path"] == ENDPOINT:
        await consumer(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})


application = ProtocolTypeRouter({"http": http, "websocket": websocket})
