"""A turn in a room: its stream locked, and what the log's order says of the room and the one who acts."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

from django.db.models import BigIntegerField

from chat.events import UserEvent
from chat.models import Membership, Room, User
from chat.permissions import refusal_to_post
from chat.reasons import Reason
from realtime import log
from realtime.errors import Forbidden, NotFound
from realtime.models import Event, Stream
from realtime.prepared import Parameter, Prepared, Several

_standing = Prepared(
    lambda: (
        Membership.objects.select_related("room", "user")
        .defer(*(f"user__{name}" for name in User.OF_THE_ACCOUNT))
        .filter(room_id=Parameter("room_id", BigIntegerField()), user_id__in=Several("user_ids", BigIntegerField()))
    )
)


@dataclass(slots=True)
class Turn:
    """The room as it is now and stays until the transaction ends. `membership` is that of the one who acts."""

    stream: Stream
    room: Room
    actor: User
    membership: Membership | None
    _reached: list[Stream] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        return self.membership is not None or self.room.visibility == Room.Visibility.PUBLIC

    def require_active(self) -> None:
        """Refuse a person who was banned meanwhile."""
        require_active(self.actor, known=self.membership)

    def require_readable(self) -> None:
        """Refuse those who may not know the room, in the words for a room that does not exist."""
        if not self.readable:
            raise room_unknown()

    def require_post(self) -> None:
        """Refuse those who may not write here."""
        self.require_readable()
        if (refusal := refusal_to_post(self.room, self.membership)) is not None:
            raise refusal

    def require_not_direct(self) -> None:
        """Refuse what makes no sense between the people of a direct room, who are fixed."""
        if self.room.visibility == Room.Visibility.DIRECT:
            raise Forbidden("the people of a direct room are fixed, and so is the room", reason=Reason.DIRECT_ROOM)

    def append(self, kind: str, object_id: object, **detail: object) -> Event:
        """Append an event of the actor to the room's stream."""
        return log.append(self.stream, kind, actor_id=self.actor.pk, object_id=object_id, detail=detail)

    def reach(self, people: Iterable[User]) -> None:
        """Lock the people's own streams, which order all that happens to their memberships.

        To be called once, and before their memberships are read or written: a marker that moves at the same moment
        holds the person's stream and waits for the membership.
        """
        for person in sorted(people, key=lambda person: person.stream_id):
            with log.writing(person.stream_id) as stream:
                self._reached.append(stream)

    def own_stream(self, person: User) -> Stream:
        """The own stream, locked, of a person who was reached."""
        return next(stream for stream in self._reached if stream.pk == person.stream_id)

    def tell(self) -> None:
        """Append to the own streams of the people who were reached that their membership here changed."""
        for stream in self._reached:
            log.append(stream, UserEvent.MEMBERSHIP_CHANGED, actor_id=self.actor.pk, object_id=self.room.pk)


@contextmanager
def turn_in(room_id: int, *, actor: User) -> Iterator[Turn]:
    """Open the transaction of a change in the room.

    Raises:
        NotFound: no such room.
        Forbidden: the actor has been banned.
    """
    with turns_in(room_id, actors=[actor]) as (turn,):
        turn.require_active()
        yield turn


@contextmanager
def turns_in(room_id: int, *, actors: Sequence[User]) -> Iterator[list[Turn]]:
    """Open one transaction for changes of several people in the room: a turn for each of them, in the same order, one
    after the other. Whether they may act, each turn has to be asked.

    Raises:
        NotFound: no such room.
    """
    with log.writing(stream_of(room_id)) as stream:
        found = _standing(room_id=room_id, user_ids=[actor.pk for actor in actors])
        memberships = {membership.user_id: membership for membership in found}
        room = next(iter(memberships.values())).room if memberships else Room.objects.get(pk=room_id)
        for membership in memberships.values():
            membership.room = room  # one object, which each turn changes for the next
        yield [Turn(stream, room, actor, memberships.get(actor.pk)) for actor in actors]


@lru_cache(maxsize=10_000)
def stream_of(room_id: int) -> int:
    """The key of the room's stream, which is the room's for ever: asked for once, not with every message.

    Raises:
        NotFound: no such room.
    """
    stream_id = Room.objects.filter(pk=room_id).values_list("stream_id", flat=True).first()
    if stream_id is None:
        raise room_unknown()
    return stream_id


@lru_cache(maxsize=10_000)
def room_on(stream_id: int) -> int:
    """The key of the room whose stream this is.

    Raises:
        NotFound: it is no room's.
    """
    room_id = Room.objects.filter(stream_id=stream_id).values_list("pk", flat=True).first()
    if room_id is None:
        raise room_unknown()
    return room_id


def require_active(actor: User, *, known: Membership | None = None) -> None:
    """Refuse a person who was banned meanwhile, as the database has it now."""
    active = known.user.is_active if known else User.objects.filter(pk=actor.pk, is_active=True).exists()
    if not active:
        raise Forbidden("this account is closed", reason=Reason.BANNED)


def room_unknown() -> NotFound:
    """The one answer for rooms that don't exist and rooms that one may not know of."""
    return NotFound("there is no such room, or you may not read it", reason=Reason.ROOM_UNKNOWN)


def person_unknown(*, field: str = "userId") -> NotFound:
    return NotFound("there is no such person", reason=Reason.PERSON_UNKNOWN, field=field)


def active_person(user_id: int) -> User:
    """The person with this id.

    Raises:
        NotFound: there is none, or the account is closed.
    """
    person = User.objects.filter(pk=user_id, is_active=True).first()
    if person is None:
        raise person_unknown()
    return person
