"""Django under ASGI with one hop to a thread for each request.

Django's own handler makes a task for the request and another that waits for its end, a context for its thread, and a
hop for whatever is synchronous: closing the response, each signal's receivers, a middleware between asynchronous ones.
Everything here is synchronous, middleware and views, so the whole of it is done in one of the lane's threads.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from realtime.threads import REQUESTS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]


View = Callable[[HttpRequest], Any]  # a response


class Handler(ASGIHandler):
    """An ASGI application for HTTP; Django has to be set up before it is made.

    Args:
        view: answers every request, behind `middleware` alone; none of that may need to know the view beforehand
            (`process_view`). Without it the URLs say which view does, behind the settings' middleware.
    """

    def __init__(self, view: View | None = None, middleware: Sequence[str] = ()) -> None:
        BaseHandler.__init__(self)  # ASGIHandler's own would load the middleware to be awaited
        if view is None:
            self.load_middleware(is_async=False)
        else:
            self._middleware_chain = _behind(middleware, view)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response: Any = await REQUESTS.run(self._answer, scope, body)
        if response.streaming:
            response = _Stepwise(response)
        await self.send_response(response, send)

    def _answer(self, scope: Scope, body: Any) -> Any:
        """The response; one that is whole is closed already. Runs in a thread."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = type(self)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()
        body.close()
        return response


def _behind(middleware: Sequence[str], view: View) -> View:
    """The view as who comes through the middleware meets it, the first one outermost."""
    chain: View = convert_exception_to_response(view)
    for path in reversed(middleware):
        chain = convert_exception_to_response(import_string(path)(chain))
    return chain


class _Stepwise:
    """A stream as `send_response` takes it: each part is fetched in a thread, and the response is closed with the last
    one, or when nobody takes the next. Django would hold all of it in memory."""

    streaming = True

    def __init__(self, response: StreamingHttpResponse) -> None:
        self.status_code, self.cookies, self.items = response.status_code, response.cookies, response.items
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self._response)
        try:
            while (part := await REQUESTS.run(next, parts, None)) is not None:
                yield part
        finally:
            await REQUESTS.run(self._response.close)
