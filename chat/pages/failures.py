"""What is answered when a page failed: that it is our fault, or that the database can't be reached just now."""

import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

RETRY_AFTER_S = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`. The pages are drawn without the request: neither asks anything of the database."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(
            loader.render_to_string("503.html"),
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    return HttpResponse(loader.render_to_string("500.html"), status=HTTPStatus.INTERNAL_SERVER_ERROR)
