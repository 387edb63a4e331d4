"""Large installations within a minute: the database itself writes what sending many messages would have left."""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from chat.actions.messages import send_message
from chat.actions.reactions import add_reaction
from chat.actions.rooms import create_room, open_direct_room
from chat.models import Membership, Message, Room, User
from realtime.models import Stream

REPLIES_ONE_IN = 10
REACTIONS_ONE_IN = 5
MEMBERS = 20
DIRECT_ONE_IN = 10
UNREAD = 3

BODY = "Message {}, of an ordinary length: who brings the key tomorrow?"


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What SQLite and PostgreSQL call differently."""

    hexadecimal: str  # of a number below 2**32, in eight digits
    uuid: str
    written: str  # a UUID as the log has it
    moment: str
    nonce: str


_DIALECTS = {
    "sqlite": _Dialect(
        hexadecimal="printf('%%08x', {})",
        uuid="{}",
        written=(
            "substr({0}, 1, 8) || '-' || substr({0}, 9, 4) || '-' || substr({0}, 13, 4)"
            " || '-' || substr({0}, 17, 4) || '-' || substr({0}, 21)"
        ),
        moment="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', ({}) || ' seconds')",
        nonce="abs(random())",
    ),
    "postgresql": _Dialect(
        hexadecimal="lpad(to_hex({}), 8, '0')",
        uuid="({})::uuid",
        written="{}::text",
        moment="now() + ({}) * interval '1 second'",
        nonce="(random() * 9e18)::bigint",
    ),
}


def people(count: int, *, prefix: str = "person") -> list[User]:
    with transaction.atomic():
        return [User.objects.create_user(f"{prefix}{number}", password=None) for number in range(count)]


def shared_room(name: str, members: list[User]) -> Room:
    """A public room of the first of them."""
    room = create_room(author=members[0], name=name)
    Membership.objects.bulk_create(Membership(room=room, user=member) for member in members[1:])
    return room


def fill(room: Room, count: int, authors: list[User]) -> None:
    """Let `authors` say `count` messages in turn; each has its event and its number, and the ids are scattered."""
    dialect = _DIALECTS[connection.vendor]
    stream = Stream.objects.get(pk=room.stream_id)
    written = Message.objects.filter(room=room).count()

    def key(number: str) -> str:
        scattered = dialect.hexadecimal.format(f"(({number}) * 2654435761) %% 4294967296")
        place = dialect.hexadecimal.format(f"{room.pk % 2**32}")
        plain = dialect.hexadecimal.format(number)
        # The digits that say "version 4, variant 1" stand where RFC 9562 has them.
        fixed = f"substr({place}, 1, 4) || '4' || substr({place}, 6) || 'a0000000'"
        return dialect.uuid.format(f"{scattered} || {fixed} || {plain}")

    digits = "CASE n.i %% {} {} END".format(
        len(authors), " ".join(f"WHEN {place} THEN {author.pk}" for place, author in enumerate(authors))
    )
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
    reply = f"CASE WHEN n.i %% {REPLIES_ONE_IN} = 0 THEN {key(f'n.i + {written} - 7')} END"
    at = dialect.moment.format(f"n.i - {count}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Message._meta.db_table} (id, room_id, author_id, status, seq, number, version, body, body_html,
                reply_to_id, thread_root_id, created_at, digest_salt, digest)
            {numbers}
            SELECT {key(f"n.i + {written}")}, %s, {digits}, 'STORED', n.i + %s, n.i + %s, n.i + %s,
                'Message ' || n.i || %s, '<p>Message ' || n.i || %s, {reply}, {reply}, {at}, %s, %s
            FROM n""",
            [
                count,
                room.pk,
                stream.last_seq,
                written,
                stream.last_seq,
                BODY.partition("{}")[2],
                BODY.partition("{}")[2] + "</p>",
                b"salt",
                b"digest",
            ],
        )
        cursor.execute(
            f"""
            INSERT INTO realtime_event (stream_id, seq, nonce, kind, actor_id, object_id, detail, created_at)
            SELECT %s, seq, {dialect.nonce}, 'message.sent', author_id, {dialect.written.format("id")}, '{{}}',
                created_at
            FROM {Message._meta.db_table} WHERE room_id = %s AND seq > %s ORDER BY seq""",
            [stream.pk, room.pk, stream.last_seq],
        )
        cursor.execute(
            """
            UPDATE realtime_stream SET last_seq = last_seq + %s, nonce =
                (SELECT nonce FROM realtime_event WHERE stream_id = realtime_stream.id ORDER BY seq DESC LIMIT 1)
            WHERE id = %s""",
            [count, stream.pk],
        )
    Room.objects.filter(pk=room.pk).update(message_count=F("message_count") + count)


def enliven(messages: list[Message], members: list[User]) -> None:
    """Reactions of several people under some of the messages."""
    for message in messages[::REACTIONS_ONE_IN]:
        for member, emoji in zip(members, ("👍", "👍", "🎉"), strict=False):
            add_reaction(message.pk, actor=member, emoji=emoji)


def joined(viewer: User, count: int, others: list[User]) -> None:
    """Make `viewer` a member of so many rooms, some of them direct, each with a few unread messages."""
    for number in range(count):
        if number % DIRECT_ONE_IN == 0:
            [other] = people(1, prefix=f"{viewer.username}-friend{number}-")
            room = open_direct_room(actor=viewer, user_ids=[other.pk])
        else:
            other = others[0]
            room = shared_room(f"{viewer.username} {number:03}", [*others[: MEMBERS - 1], viewer])
        for _ in range(UNREAD):
            send_message(room.pk, author=other, body=BODY.format(number))


def settle() -> None:
    """Let PostgreSQL look at what was written, as its autovacuum does by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
