"""What Django and allauth tell us: a person logged in or out, or has another password."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from chat.actions.people import end_session
from chat.credentials import credential_of_session
from chat.models import User

_USER_AGENT_CHARS = UserSession._meta.get_field("user_agent").max_length


@receiver(user_logged_in)
def keep_session(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Keep which session is whose, also where the log-in was not allauth's (the admin's page): a ban finds it here."""
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


@receiver(user_logged_out)
def end_this_session(request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    """End the connections of the session that was logged out, in every tab that shares it."""
    key = request.session.session_key if request is not None else None
    if user is not None and key:
        end_session(user.pk, credential=credential_of_session(key), reason="signed out")


@receiver([password_changed, password_set, password_reset])
def end_other_sessions(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """End all other sessions of a person with a new password: Django ends them for requests, this for connections."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
        end_session(user.pk, credential=credential_of_session(session.session_key), reason="password changed")
