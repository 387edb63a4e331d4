"""What happens to people's accounts: bans, the end of sessions, another name."""

from contextlib import ExitStack
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.actions.turns import person_unknown, require_active
from chat.credentials import credential_of_session, token_of_credential
from chat.events import EVERY_CREDENTIAL, RoomEvent, UserEvent
from chat.models import ApiToken, Membership, User
from chat.permissions import administers_people
from chat.reasons import Reason
from chat.texts import display_name as checked_display_name
from realtime import log
from realtime.errors import BadUserInput, Forbidden
from realtime.models import Stream


def ban(user_id: int, *, actor: User | None, reason: str) -> User:
    """Close a person's account: all of their sessions and API tokens end, and nothing lets them in again.

    What they wrote stays. Banning again changes the reason alone.

    Args:
        actor: None for the operator at the command line.

    Raises:
        BadUserInput: the reason is too long.
        Forbidden: the actor may not change people, or this one.
        NotFound: no such person.
    """
    _check_reason(reason)
    stream_id = _stream_of(user_id)
    with log.writing(stream_id) as stream:
        person = User.objects.get(pk=user_id)
        _require_power_over(person, actor)
        if person.banned_at is not None:
            person.ban_reason = reason
            person.save(update_fields=["ban_reason"])
            return person
        person.is_active = False
        person.banned_at = timezone.now()
        person.ban_reason = reason
        person.save(update_fields=["is_active", "banned_at", "ban_reason"])
        _end_everything(stream, person, actor_id=actor.pk if actor else None, reason="banned")
    return person


def unban(user_id: int, *, actor: User | None) -> User:
    """Open a banned person's account again. They log in anew; API tokens that ended stay ended.

    Raises:
        Forbidden: the actor may not change people, or this one.
        NotFound: no such person.
    """
    with log.writing(_stream_of(user_id)):
        person = User.objects.get(pk=user_id)
        _require_power_over(person, actor)
        if person.banned_at is not None:
            person.is_active = True
            person.banned_at = None
            person.ban_reason = ""
            person.save(update_fields=["is_active", "banned_at", "ban_reason"])
    return person


def end_session(user_id: int, *, credential: str, reason: str) -> None:
    """End the session or API token of that name (see `chat.credentials`), and the connections it let in.

    A name that belongs to no session any more still ends the connections.

    Args:
        reason: what the person's pages are told; shown translated where it is one of ours.

    Raises:
        NotFound: no such person.
    """
    with log.writing(_stream_of(user_id)) as stream:
        token_id = token_of_credential(credential)
        if token_id is not None:
            _revoke(user_id, token_id)
        else:
            for session in UserSession.objects.filter(user_id=user_id):
                if credential_of_session(session.session_key) == credential:
                    _drop(session)
        log.append(stream, UserEvent.SESSION_ENDED, actor_id=user_id, object_id=credential, detail={"reason": reason})


def end_other_sessions(user_id: int, *, session_key: str | None, reason: str) -> None:
    """End all sessions of the person but the one with this key, and the connections that they let in.

    Raises:
        NotFound: no such person.
    """
    with log.writing(_stream_of(user_id)) as stream:
        for session in UserSession.objects.filter(user_id=user_id).exclude(session_key=session_key):
            _drop(session)
            credential = credential_of_session(session.session_key)
            log.append(
                stream, UserEvent.SESSION_ENDED, actor_id=user_id, object_id=credential, detail={"reason": reason}
            )


def end_all_sessions(user_id: int, *, reason: str, actor: User | None = None) -> None:
    """End all that lets the person in: every session, every API token, and every connection.

    Args:
        actor: the member of staff who does it; None for the person and for the operator at the command line.

    Raises:
        Forbidden: the actor may not change people, or this one.
        NotFound: no such person.
    """
    with log.writing(_stream_of(user_id)) as stream:
        person = User.objects.get(pk=user_id)
        _require_power_over(person, actor)
        _end_everything(stream, person, actor_id=actor.pk if actor else user_id, reason=reason)


def rename(user_id: int, *, actor: User | None, display_name: str) -> User:
    """Change the name that a person is shown by: their own, or anybody's for staff who may change people.

    Each of the person's rooms hears of it.

    Raises:
        BadUserInput: the name can't be taken.
        Forbidden: the actor may not change this person.
        NotFound: no such person.
    """
    name = checked_display_name(display_name)
    stream_id = _stream_of(user_id)
    with ExitStack() as held:
        held.enter_context(transaction.atomic())
        memberships = Membership.objects.filter(user_id=user_id).select_related("room").order_by("room__stream_id")
        streams = [
            (held.enter_context(log.writing(membership.room.stream_id)), membership) for membership in memberships
        ]
        held.enter_context(log.writing(stream_id))
        person = User.objects.get(pk=user_id)
        if actor is not None:
            require_active(actor)
        if actor is None or actor.pk != user_id:
            _require_power_over(person, actor)
        if person.display_name != name:
            person.display_name = name
            person.version += 1
            person.save(update_fields=["display_name", "version"])
            for stream, membership in streams:
                log.append(
                    stream,
                    RoomEvent.MEMBER_UPDATED,
                    actor_id=actor.pk if actor else None,
                    object_id=user_id,
                    detail={"role": membership.role},
                )
    return person


def _stream_of(user_id: int) -> int:
    stream_id = User.objects.filter(pk=user_id).values_list("stream_id", flat=True).first()
    if stream_id is None:
        raise person_unknown()
    return stream_id


def _require_power_over(person: User, actor: User | None) -> None:
    if actor is None:
        return
    require_active(actor)
    own = actor.pk == person.pk
    if own or not administers_people(actor) or (person.is_superuser and not actor.is_superuser):
        raise Forbidden("you may not change this person's account", reason=Reason.NOT_ALLOWED)


def _check_reason(reason: str) -> None:
    most = User._meta.get_field("ban_reason").max_length or 0
    if len(reason) > most:
        raise BadUserInput(
            f"expected at most {most} characters, got {len(reason)}", reason=Reason.REASON_INVALID, field="reason"
        )


def _end_everything(stream: Stream, person: User, *, actor_id: int | None, reason: str) -> None:
    for session in UserSession.objects.filter(user=person):
        _drop(session)
    ApiToken.objects.filter(user=person, revoked_at=None).update(revoked_at=timezone.now())
    log.append(
        stream, UserEvent.SESSION_ENDED, actor_id=actor_id, object_id=EVERY_CREDENTIAL, detail={"reason": reason}
    )


def _revoke(user_id: int, token_id: int) -> None:
    ApiToken.objects.filter(pk=token_id, user_id=user_id, revoked_at=None).update(revoked_at=timezone.now())


def _drop(session: UserSession) -> None:
    engine = import_module(settings.SESSION_ENGINE)
    engine.SessionStore().delete(session.session_key)
    session.delete()
