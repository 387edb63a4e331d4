"""API tokens: made, recognised, revoked."""

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import CharField
from django.utils import timezone

from chat.actions.people import end_session
from chat.actions.turns import require_active
from chat.credentials import credential_of_token
from chat.models import ApiToken, User
from chat.reasons import Reason
from realtime.errors import BadUserInput
from realtime.prepared import Parameter, Prepared

logger = logging.getLogger(__name__)

# How exactly `last_used_at` is kept: each use would be a write else.
LAST_USED_STEP = timedelta(minutes=5)


_valid = Prepared(
    lambda: (
        ApiToken.objects.select_related("user")
        .defer(*(f"user__{name}" for name in User.OF_THE_ACCOUNT))
        .filter(digest=Parameter("digest", CharField()), revoked_at=None, user__is_active=True)
    )
)


def create_token(user: User, *, name: str) -> tuple[ApiToken, str]:
    """Make an API token of the person. The text beside it is the token itself, which nobody can read again.

    Raises:
        BadUserInput: the name is empty or too long.
        Forbidden: the person has been banned.
    """
    require_active(user)
    name = name.strip()
    most = ApiToken._meta.get_field("name").max_length or 0
    if not 0 < len(name) <= most or not name.isprintable():
        raise BadUserInput(f"expected 1 to {most} printable characters", reason=Reason.NAME_INVALID, field="name")
    text = ApiToken.generate()
    return ApiToken.objects.create(user=user, name=name, digest=ApiToken.digest_of(text)), text


def authenticate_token(text: str) -> tuple[User, ApiToken] | None:
    """Whom the token lets in; None where it lets nobody in: unknown, revoked, or its owner banned."""
    if not text.startswith(ApiToken.PREFIX) or not text.isascii():
        return None
    token = _valid.first(digest=ApiToken.digest_of(text))
    return None if token is None else (token.user, token)


def note_use(token: ApiToken) -> None:
    """Keep when the token was last used, where that can be written: a full disk keeps nobody from reading."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at <= LAST_USED_STEP:
        return
    token.last_used_at = now
    try:
        token.save(update_fields=["last_used_at"])
    except DatabaseError as error:
        logger.warning("the use of a token could not be noted: %s", error)


def revoke_token(token: ApiToken, *, reason: str = "token revoked") -> None:
    """Make the token let nobody in any more, and end the connections that it let in. Again changes nothing."""
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).exists():
        return
    end_session(token.user_id, credential=credential_of_token(token.pk), reason=reason)
    token.refresh_from_db(fields=["revoked_at"])
