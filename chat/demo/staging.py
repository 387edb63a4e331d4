"""Puts the demo's people into their rooms and lets them talk: through the actions, in the order of time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone

from chat.actions.members import add_member, set_role
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.reactions import add_reaction
from chat.actions.reading import mark_read, mark_unread
from chat.actions.rooms import create_room, join_room, open_direct_room, update_room
from chat.demo import script
from chat.demo.cast import PEOPLE, PLACES, Place, password
from chat.demo.past import happening_at
from chat.models import Message, Room, User

MODERATORS = "Moderators"

_MODERATOR_RIGHTS = (
    *("view_user", "change_user", "view_room", "change_room", "view_membership", "change_membership"),
    *("view_message", "delete_message", "view_reaction", "view_apitoken", "view_stream", "view_event"),
)
_BEFORE_THE_FIRST_WORD = timedelta(days=1)
_UNTIL_A_REACTION = timedelta(seconds=50)
_BETWEEN_REACTIONS = timedelta(seconds=20)
_UNTIL_AN_EDIT = timedelta(seconds=40)
_UNTIL_THE_END = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody did at some moment."""

    at: datetime
    do: Callable[[], object]


def is_there() -> bool:
    """Whether the demo's people are here."""
    names = [person.username for person in PEOPLE]
    return User.objects.filter(username__in=names).count() == len(names)


def is_empty() -> bool:
    """Whether nobody has used this installation yet."""
    return not User.objects.exists() and not Room.objects.exists()


def taken_names() -> list[str]:
    """Those of the demo's usernames that belong to somebody."""
    names = [person.username for person in PEOPLE]
    return sorted(User.objects.filter(username__in=names).values_list("username", flat=True))


@transaction.atomic
def stage() -> None:
    """Write the whole community, all of it or nothing."""
    now = timezone.now()
    local = timezone.localtime(now, datetime.now().astimezone().tzinfo)
    talks = {place.talk: script.read(place.talk, now=local) for place in PLACES}
    beginning = min(line.at for lines in talks.values() for line in lines) - _BEFORE_THE_FIRST_WORD
    with happening_at(beginning):
        people = _people(beginning)
    deeds: list[Deed] = []
    for place in sorted(PLACES, key=lambda place: talks[place.talk][0].at):
        lines = talks[place.talk]
        with happening_at(lines[0].at - _BEFORE_THE_FIRST_WORD):
            room = _room(place, people)
        deeds += _deeds(room, lines, people)
        deeds += [Deed(now, partial(_read_all_but, room, people[name], place.left_by(name))) for name in place.members]
        if place.archived:
            archive = partial(update_room, room.pk, actor=people[place.members[0]], archived=True)
            deeds.append(Deed(lines[-1].at + _UNTIL_THE_END, archive))
    for deed in sorted(deeds, key=lambda deed: deed.at):
        with happening_at(min(deed.at, now)):
            deed.do()


def _people(joined: datetime) -> dict[str, User]:
    group = _moderators()
    secret = make_password(password())
    people = {}
    for person in PEOPLE:
        user = User.objects.create(
            username=person.username,
            display_name=person.display_name,
            email=f"{person.username}@minato.example",
            password=secret,
            is_staff=person.staff,
            is_superuser=person.superuser,
            date_joined=joined,
        )
        if person.staff and not person.superuser:
            user.groups.add(group)
        people[person.username] = user
    return people


def _moderators() -> Group:
    group, _ = Group.objects.get_or_create(name=MODERATORS)
    rights = Permission.objects.filter(content_type__app_label__in=["chat", "realtime"], codename__in=_MODERATOR_RIGHTS)
    group.permissions.set(rights)
    return group


def _room(place: Place, people: dict[str, User]) -> Room:
    first, *others = (people[name] for name in place.members)
    if place.visibility == Room.Visibility.DIRECT:
        return open_direct_room(actor=first, user_ids=[person.pk for person in others])
    room = create_room(author=first, name=place.name, slug=place.slug, topic=place.topic, visibility=place.visibility)
    for person in others:
        if place.visibility == Room.Visibility.PUBLIC:
            join_room(room.pk, actor=person)
        else:
            add_member(room.pk, actor=first, user_id=person.pk)
        set_role(room.pk, actor=first, user_id=person.pk, role=place.role_of(person.username))
    return room


def _deeds(room: Room, lines: list[script.Line], people: dict[str, User]) -> list[Deed]:
    ids = {line.label: uuid4() for line in lines if line.label}
    return [
        deed
        for line in lines
        for deed in _deeds_of(
            room, line, people, id=ids.get(line.label or "") or uuid4(), reply_to_id=ids.get(line.reply or "")
        )
    ]


def _deeds_of(
    room: Room,
    line: script.Line,
    people: dict[str, User],
    *,
    id: UUID,  # noqa: A002  (the API's name)
    reply_to_id: UUID | None,
) -> list[Deed]:
    author = people[line.author]
    deeds = [
        Deed(line.at, partial(send_message, room.pk, author=author, body=line.body, id=id, reply_to_id=reply_to_id))
    ]
    if line.edited is not None:
        deeds.append(Deed(line.at + _UNTIL_AN_EDIT, partial(edit_message, id, actor=author, body=line.edited)))
    if line.deleted:
        deeds.append(Deed(line.at + _UNTIL_AN_EDIT, partial(delete_message, id, actor=author)))
    for count, (emoji, name) in enumerate(line.reactions):
        at = line.at + _UNTIL_A_REACTION + count * _BETWEEN_REACTIONS
        deeds.append(Deed(at, partial(add_reaction, id, actor=people[name], emoji=emoji)))
    return deeds


def _read_all_but(room: Room, person: User, unread: int) -> None:
    room.stream.refresh_from_db()
    mark_read(room.pk, actor=person, seq=room.stream.last_seq)
    if unread:
        others = Message.objects.filter(room=room).exclude(author=person)
        seq = others.order_by("-seq").values_list("seq", flat=True)[unread - 1]
        mark_unread(room.pk, actor=person, seq=seq or 0)
