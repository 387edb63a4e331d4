"""Make, enter, leave and change rooms."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.actions import operations
from chat.actions.standing import end_membership, give_role, heir_of, start_membership
from chat.actions.turns import Turn, person_unknown, require_active, turn_in
from chat.events import RoomEvent
from chat.models import Membership, Room, User
from chat.permissions import administers_rooms, moderates, owns
from chat.reasons import Reason
from chat.texts import room_name, room_slug, room_topic, slugs_for
from realtime.errors import BadUserInput, Forbidden

# The people of a direct room, the one who opens it among them.
MAX_DIRECT_PEOPLE = 10

_SLUG_ATTEMPTS = 100
_DIRECT_SLUG_BYTES = 9


def create_room(
    *,
    author: User,
    name: str,
    slug: str | None = None,
    topic: str = "",
    visibility: str = Room.Visibility.PUBLIC,
    op_id: UUID | None = None,
) -> Room:
    """Make a room and its author the owner.

    Args:
        slug: made from the name where it is left out.
        visibility: PUBLIC or PRIVATE.

    Raises:
        BadUserInput: name, slug, topic or visibility can't be taken.
        Forbidden: the author has been banned.
    """
    if (made := operations.recall(author, op_id, "create_room")) is not None:
        return Room.objects.get(pk=made)
    name, topic = room_name(name), room_topic(topic)
    _check_visibility(visibility)
    chosen = room_slug(slug) if slug else None
    candidates: Iterator[str] = iter([chosen]) if chosen else islice(slugs_for(name), _SLUG_ATTEMPTS)
    for candidate in candidates:
        if Room.objects.filter(slug=candidate).exists():
            continue
        room = Room(name=name, slug=candidate, topic=topic, visibility=visibility, created_by=author)
        try:
            with transaction.atomic():
                operations.remember(author, op_id, "create_room", object_id=room.pk)
                _furnish(room, [author], actor=author, role=Membership.Role.OWNER)
        except IntegrityError:
            # Another room took the slug at this moment, or this very operation was carried out.
            if (made := operations.recall(author, op_id, "create_room")) is not None:
                return Room.objects.get(pk=made)
        else:
            return room
    raise BadUserInput("another room has this slug", reason=Reason.SLUG_TAKEN, field="slug")


def open_direct_room(*, actor: User, user_ids: Iterable[int], op_id: UUID | None = None) -> Room:
    """The direct room of exactly these people and the actor; made where there is none yet.

    Raises:
        NotFound: one of them does not exist or was banned.
        BadUserInput: more than `MAX_DIRECT_PEOPLE`.
        Forbidden: the actor has been banned.
    """
    if (made := operations.recall(actor, op_id, "open_direct_room")) is not None:
        return Room.objects.get(pk=made)
    ids = sorted({actor.pk, *user_ids})
    if len(ids) > MAX_DIRECT_PEOPLE:
        raise BadUserInput(
            f"expected at most {MAX_DIRECT_PEOPLE} people, got {len(ids)}",
            reason=Reason.TOO_MANY_PEOPLE,
            field="userIds",
        )
    key = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
    try:
        with transaction.atomic():
            return _direct_room(key, ids, actor=actor, op_id=op_id)
    except IntegrityError:
        # Somebody opened it at this moment: now it is there.
        with transaction.atomic():
            return _direct_room(key, ids, actor=actor, op_id=op_id)


def _direct_room(key: str, ids: list[int], *, actor: User, op_id: UUID | None) -> Room:
    require_active(actor)
    people = list(User.objects.filter(pk__in=ids, is_active=True))
    if len(people) != len(ids):
        raise person_unknown(field="userIds")
    room = Room.objects.filter(direct_key=key).first()
    if room is None:
        slug = f"direct-{secrets.token_hex(_DIRECT_SLUG_BYTES)}"
        room = Room(slug=slug, visibility=Room.Visibility.DIRECT, direct_key=key, created_by=actor)
        _furnish(room, people, actor=actor, role=Membership.Role.MEMBER)
    if operations.recall(actor, op_id, "open_direct_room") is None:
        operations.remember(actor, op_id, "open_direct_room", object_id=room.pk)
    return room


def _furnish(room: Room, people: list[User], *, actor: User, role: Membership.Role) -> None:
    """Store the new room with its first people."""
    require_active(actor)
    room.save(force_insert=True)
    turn = Turn(room.stream, room, actor, None)
    turn.reach(people)
    for person in people:
        start_membership(turn, person, role=role)
    turn.tell()


def join_room(room_id: int, *, actor: User, op_id: UUID | None = None) -> Room:
    """Become a member of a public room. A member who joins again changes nothing.

    Raises:
        Forbidden: the room is archived.
        NotFound: no such room, or one that the actor may not read.
    """
    with turn_in(room_id, actor=actor) as turn:
        turn.require_readable()
        if operations.recall(actor, op_id, "join_room", object_id=room_id) is None:
            if turn.membership is None:
                require_open(turn)
                turn.reach([actor])
                turn.membership = start_membership(turn, actor, role=Membership.Role.MEMBER)
                turn.tell()
            operations.remember(actor, op_id, "join_room", object_id=room_id)
    return turn.room


def leave_room(room_id: int, *, actor: User, op_id: UUID | None = None) -> Room:
    """Stop being a member. One who is none changes nothing.

    The room never stays without an owner while it has members: when its last owner leaves, the moderator who has been
    there longest becomes one; where there is none, the member who has.

    Raises:
        Forbidden: nobody leaves a direct room.
        NotFound: no such room, or one that the actor could not read in the first place.
    """
    with turn_in(room_id, actor=actor) as turn:
        if operations.recall(actor, op_id, "leave_room", object_id=room_id) is not None:
            return turn.room
        turn.require_readable()
        turn.require_not_direct()
        if turn.membership is not None:
            heir = heir_of(turn, turn.membership)
            turn.reach([actor, heir] if heir else [actor])
            end_membership(turn, turn.membership)
            if heir is not None:
                give_role(turn, Membership.objects.get(room=turn.room, user=heir), Membership.Role.OWNER)
            turn.tell()
        operations.remember(actor, op_id, "leave_room", object_id=room_id)
    return turn.room


def update_room(
    room_id: int,
    *,
    actor: User,
    name: str | None = None,
    topic: str | None = None,
    visibility: str | None = None,
    archived: bool | None = None,
    op_id: UUID | None = None,
) -> Room:
    """Change what is given of the room; what is as it was changes nothing. The slug stays, so links keep working.

    Moderators may change name and topic; owners, and staff who may change rooms, everything. Made private, the room
    ends for those who are no members.

    Raises:
        BadUserInput: name, topic or visibility can't be taken.
        Forbidden: the actor may not change this, or the room is a direct one.
        NotFound: no such room, or one that the actor may not read.
    """
    with turn_in(room_id, actor=actor) as turn:
        by_staff = administers_rooms(actor)
        if not by_staff:
            turn.require_readable()
        if operations.recall(actor, op_id, "update_room", object_id=room_id) is not None:
            return turn.room
        turn.require_not_direct()
        allowed = by_staff or owns(turn.membership)
        if not (allowed or (moderates(turn.membership) and visibility is None and archived is None)):
            raise Forbidden("only those who look after the room may change it", reason=Reason.NOT_ALLOWED)
        changed = _apply(turn.room, name=name, topic=topic, visibility=visibility, archived=archived)
        if changed:
            opened_or_closed = {"visibility": turn.room.visibility} if "visibility" in changed else {}
            turn.room.version = turn.append(RoomEvent.ROOM_UPDATED, room_id, **opened_or_closed).seq
            turn.room.save(update_fields=[*changed, "version"])
        operations.remember(actor, op_id, "update_room", object_id=room_id)
    return turn.room


def _apply(
    room: Room, *, name: str | None, topic: str | None, visibility: str | None, archived: bool | None
) -> list[str]:
    """Set what differs, and say which fields that were."""
    wanted: dict[str, object] = {}
    if name is not None:
        wanted["name"] = room_name(name)
    if topic is not None:
        wanted["topic"] = room_topic(topic)
    if visibility is not None:
        _check_visibility(visibility)
        wanted["visibility"] = visibility
    if archived is not None and archived != (room.archived_at is not None):
        wanted["archived_at"] = timezone.now() if archived else None
    changed = [field for field, value in wanted.items() if getattr(room, field) != value]
    for field in changed:
        setattr(room, field, wanted[field])
    return changed


def _check_visibility(visibility: str) -> None:
    if visibility not in (Room.Visibility.PUBLIC, Room.Visibility.PRIVATE):
        raise BadUserInput(
            f"expected PUBLIC or PRIVATE, got {visibility}", reason=Reason.VISIBILITY_INVALID, field="visibility"
        )


def require_open(turn: Turn) -> None:
    """Refuse what an archived room no longer takes."""
    if turn.room.archived_at is not None:
        raise Forbidden("the room is archived", reason=Reason.ROOM_ARCHIVED)
