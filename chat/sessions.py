"""Which cookie session is whose: what a ban, a log-out or a new password has to end."""

from allauth.usersessions.models import UserSession
from django.http import HttpRequest

from chat.models import User

_USER_AGENT_CHARS = UserSession._meta.get_field("user_agent").max_length


def keep_session(request: HttpRequest, user: User) -> None:
    """Keep that the request's session is this person's. allauth does so for log-ins on its own pages alone."""
    if not request.session.session_key:
        request.session.save()
    UserSession.objects.get_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "ip": request.META.get("REMOTE_ADDR") or "127.0.0.1",
            "user_agent": request.META.get("HTTP_USER_AGENT", "")[:_USER_AGENT_CHARS],
        },
    )
