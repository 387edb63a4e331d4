"""Who shows these credentials: a session cookie or an API token, over HTTP and over WebSocket alike."""

from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import BigIntegerField
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from chat.actions.tokens import authenticate_token, note_use
from chat.credentials import credential_of_session, credential_of_token, token_of_credential
from chat.events import EVERY_CREDENTIAL, UserEvent
from chat.models import ApiToken, User
from realtime.closing import CloseCode
from realtime.errors import Unauthenticated
from realtime.interface import Credentials, Principal
from realtime.models import Event
from realtime.prepared import Parameter, Prepared

VIEWER_HEADER = "Todoku-Viewer"


def authenticate(shown: Credentials) -> Principal | None:
    """The person behind a WebSocket's credentials; None where they are no good (any more)."""
    if shown.authorization is not None:
        known = authenticate_token(bearer_of(shown.authorization))
        if known is None:
            return None
        user, token = known
        return Principal(user, credential_of_token(token.pk), user.stream_id)
    if not shown.session_key:
        return None
    request = HttpRequest()
    request.session = SessionStore(shown.session_key)
    signed_in = get_user(request)
    if not isinstance(signed_in, User) or not signed_in.is_active:
        return None
    return Principal(signed_in, credential_of_session(shown.session_key), signed_in.stream_id)


def authenticate_request(request: HttpRequest) -> User | None:
    """The person behind an HTTP request; None for an anonymous one.

    A page may say in the header `Todoku-Viewer` whose page it is: when somebody else has signed in meanwhile in the
    same browser, nothing of the one is done in the name of the other.

    Raises:
        Unauthenticated: a token that is no good, a missing CSRF token, or another viewer than the page's.
    """
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        known = authenticate_token(bearer_of(authorization))
        if known is None:
            raise Unauthenticated("the API token is not valid", reason="TOKEN_INVALID")
        user, token = known
        note_use(token)
        return user
    viewer = request.user if isinstance(request.user, User) and request.user.is_active else None
    if viewer is not None and request.method == "POST" and (refusal := _csrf_refusal(request)):
        raise Unauthenticated(f"CSRF verification failed: {refusal}", reason="CSRF_FAILED")
    expected = request.headers.get(VIEWER_HEADER)
    if expected is not None and (viewer is None or expected != str(viewer.pk)):
        raise Unauthenticated("somebody else is signed in, or nobody", reason="OTHER_VIEWER")
    return viewer


_token = Prepared(lambda: ApiToken.objects.filter(pk=Parameter("token_id", BigIntegerField())))


def introduced(principal: Principal) -> None:
    """Keep that a token was used for a WebSocket."""
    token_id = token_of_credential(principal.credential)
    if token_id is not None and (token := _token.first(token_id=token_id)) is not None:
        note_use(token)


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header (RFC 6750, 2.1); empty where it has another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def closes(event: Event, credential: str) -> tuple[int, str] | None:
    """How an event of a person's own stream closes a connection that `credential` let in."""
    if event.kind != UserEvent.SESSION_ENDED or event.object_id not in (credential, EVERY_CREDENTIAL):
        return None
    reason = str(event.detail.get("reason", ""))
    banned = reason.upper() == "BANNED"
    return (CloseCode.FORBIDDEN if banned else CloseCode.UNAUTHORIZED), reason


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, asked for its answer instead of for a page."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponse(reason)


def _csrf_refusal(request: HttpRequest) -> str | None:
    check = _CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    refusal = check.process_view(request, lambda _: HttpResponse(), (), {})
    return None if refusal is None else refusal.content.decode()
