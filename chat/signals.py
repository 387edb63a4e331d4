"""What Django and allauth tell us: a person logged in or out, or has another password."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from chat.actions.people import end_other_sessions, end_session
from chat.credentials import credential_of_session
from chat.models import User
from chat.sessions import keep_session


@receiver(user_logged_in)
def person_logged_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    keep_session(request, user)


@receiver(user_logged_out)
def person_logged_out(request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    """End the connections of the session that was logged out, in every tab that shares it."""
    key = request.session.session_key if request is not None else None
    if user is not None and key:
        end_session(user.pk, credential=credential_of_session(key), reason="signed out")


@receiver([password_changed, password_set, password_reset])
def password_is_new(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Django ends the other sessions for requests; this ends them for connections."""
    end_other_sessions(user.pk, session_key=request.session.session_key, reason="password changed")
