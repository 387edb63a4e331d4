"""What every page behind the log-in shares: who looks, and what a refusal turns into."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chat.models import User
from chat.pages.refusals import said
from realtime.errors import BadUserInput, Conflict, Forbidden, NotFound, RateLimited, Refusal, Unauthenticated

Rest = ParamSpec("Rest")

_STATUS = {
    BadUserInput: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
}


def signed_in(
    view: Callable[Concatenate[HttpRequest, User, Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
    """Hand the view its viewer; send everybody else to the log-in and back. A refusal gets the page that says why."""

    @wraps(view)
    def page(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return _to_the_log_in(request)
        try:
            return view(request, user, *args, **kwargs)
        except Unauthenticated:
            return _to_the_log_in(request)
        except Refusal as refusal:
            status = _STATUS.get(type(refusal), HTTPStatus.BAD_REQUEST)
            return render(request, "refused.html", {"said": said(refusal)}, status=status)

    return page


def _to_the_log_in(request: HttpRequest) -> HttpResponse:
    """On the way there nothing is lost: who had written something gets it back first."""
    address = request.get_full_path()
    if request.method != "POST":
        return redirect_to_login(address)
    context = {"written": request.POST.get("body", ""), "next": address}
    return render(request, "signed_out.html", context, status=HTTPStatus.UNAUTHORIZED)
