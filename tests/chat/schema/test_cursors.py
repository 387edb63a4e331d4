"""A response and its cursors belong together: what the response misses came after its cursor."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction

from chat.actions.members import add_member
from chat.actions.messages import edit_message, send_message
from chat.actions.people import rename
from chat.actions.reactions import add_reaction
from chat.actions.reading import mark_read
from chat.actions.rooms import join_room, update_room
from chat.models import Message, User
from realtime import log
from realtime.cursor import Cursor
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import ask

USER = "id version displayName"
MESSAGE = f"id version body author {{ {USER} }} replyTo {{ id version body }} reactions {{ emoji count }}"
ROOM = f"""
    id version topic lastSeq messageCount memberCount
    members {{ nodes {{ {USER} }} }}
    viewerMembership {{ version lastReadSeq unreadCount }}
    messages {{ nodes {{ {MESSAGE} }} }}
"""
CURSORS = {"cursor", "inboxCursor", "mine"}
# Cursors stand last in each: what is selected before them must not be older for it.
DOCUMENTS = {
    "the room page": f"""query ($slug: String!, $message: ID!) {{
        viewer {{ {USER} }} message(id: $message) {{ {MESSAGE} }} rooms {{ nodes {{ {ROOM} }} }}
        room(slug: $slug) {{ {ROOM} cursor }} inboxCursor }}""",
    "a list of rooms": f"""query {{
        viewer {{ {USER} }} rooms(joined: true) {{ nodes {{ {ROOM} cursor }} }} inboxCursor }}""",
    "fragments and aliases": f"""query ($slug: String!, $message: ID!) {{
        said: message(id: $message) {{ {MESSAGE} }} me: viewer {{ {USER} }} ...Rest }}
        fragment Rest on Query {{
        ... on Query {{ other: room(slug: $slug) {{ ...Parts }} }} here: room(slug: $slug) {{ ...Parts cursor }}
        rooms(joined: true) {{ nodes {{ id }} }} mine: inboxCursor }}
        fragment Parts on Room {{ {ROOM} }}""",
    "a mutation": f"""mutation ($id: ID!, $message: ID!) {{
        addReaction(input: {{messageId: $message, emoji: "👍"}}) {{ message {{ {MESSAGE} }} }}
        joinRoom(input: {{roomId: $id}}) {{ room {{ {ROOM} cursor }} }} }}""",
}

QUERIES = {name: document for name, document in DOCUMENTS.items() if document.startswith("query")}


class Scene:
    """A room with a conversation, and one who looks at it."""

    def __init__(self) -> None:
        self.viewer, self.other, self.third = person("viewer"), person("other"), person("third")
        self.room = room(self.other, self.viewer, slug="here")
        self.elsewhere = room(self.other, slug="elsewhere")
        self.message = said(self.room, self.other, "First")
        said(self.room, self.viewer, "Second", reply_to=self.message)
        add_reaction(self.message.pk, actor=self.viewer, emoji="👍")

    def ask(self, document: str) -> dict[str, Any]:
        variables = {"slug": self.room.slug, "id": str(self.room.pk), "message": str(self.message.pk)}
        used = {name: value for name, value in variables.items() if f"${name}" in document}
        return ask(User.objects.get(pk=self.viewer.pk), document, **used)


def reply(scene: Scene) -> Message | None:
    return send_message(scene.room.pk, author=scene.other, body="Third", reply_to_id=scene.message.pk).message


CHANGES_IN_THE_ROOM: dict[str, Callable[[Scene], object]] = {
    "a message is sent": reply,
    "a message is edited": lambda scene: edit_message(scene.message.pk, actor=scene.other, body="Changed"),
    "somebody reacts": lambda scene: add_reaction(scene.message.pk, actor=scene.other, emoji="🎉"),
    "the topic changes": lambda scene: update_room(scene.room.pk, actor=scene.other, topic="News"),
    "somebody joins": lambda scene: join_room(scene.room.pk, actor=scene.third),
    "the viewer takes another name": lambda scene: rename(scene.viewer.pk, actor=scene.viewer, display_name="Renamed"),
}
CHANGES_OF_THE_VIEWER: dict[str, Callable[[Scene], object]] = {
    "the viewer reads elsewhere": lambda scene: mark_read(scene.room.pk, actor=scene.viewer, seq=3),
    "somebody adds the viewer": lambda scene: add_member(
        scene.elsewhere.pk, actor=scene.other, user_id=scene.viewer.pk
    ),
}


class Injection:
    """Makes a change right before the query number `at` of an execution."""

    def __init__(self, change: Callable[[], object], *, at: int) -> None:
        self._change = change
        self._left: int | None = at

    @property
    def happened(self) -> bool:
        return self._left is None

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        if self._left == 0:
            self._left = None
            self._change()
        elif self._left is not None:
            self._left -= 1
        return execute(*arguments)


def responses_around(change: Callable[[], object], respond: Callable[[], Any]) -> Iterator[tuple[Any, Any]]:
    """What is answered if the change happens before the first query, the second …, each with what is answered then."""
    for at in count():
        with transaction.atomic():
            injection = Injection(change, at=at)
            with connection.execute_wrapper(injection):
                response = respond()
            if not injection.happened:
                return
            yield response, respond()
            transaction.set_rollback(True)


def values_of(key: str, data: Any) -> Iterator[Any]:
    """All values under `key`, anywhere in the data."""
    if isinstance(data, list):
        for item in data:
            yield from values_of(key, item)
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from [value] if name == key else values_of(key, value)


def without_cursors(data: Any) -> Any:
    if isinstance(data, list):
        return [without_cursors(item) for item in data]
    if isinstance(data, dict):
        return {
            name: without_cursors(value)
            for name, value in data.items()
            if name not in {"cursor", "inboxCursor", "mine"}
        }
    return data


def room_cursors(scene: Scene, data: Any) -> set[Cursor]:
    found = {Cursor.parse(text) for text in values_of("cursor", data)}
    return {cursor for cursor in found if cursor.stream_id == scene.room.stream_id}


def inbox_cursors(_scene: Scene, data: Any) -> set[Cursor]:
    return {Cursor.parse(text) for key in ("inboxCursor", "mine") for text in values_of(key, data)}


@pytest.mark.django_db
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("change", CHANGES_IN_THE_ROOM.values(), ids=CHANGES_IN_THE_ROOM)
def test_whatever_a_response_misses_came_after_the_cursor_of_its_room(
    document: str, change: Callable[[Scene], object]
) -> None:
    scene = Scene()
    check(scene, change, document, room_cursors, log.head(scene.room.stream_id))


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES_OF_THE_VIEWER.values(), ids=CHANGES_OF_THE_VIEWER)
@pytest.mark.parametrize("document", QUERIES.values(), ids=QUERIES)
def test_whatever_a_response_misses_came_after_the_cursor_of_the_inbox(
    document: str, change: Callable[[Scene], object]
) -> None:
    scene = Scene()
    check(scene, change, document, inbox_cursors, log.head(scene.viewer.stream_id))


def check(
    scene: Scene,
    change: Callable[[Scene], object],
    document: str,
    cursors_in: Callable[[Scene, Any], set[Cursor]],
    before: Cursor,
) -> None:
    """That a response whose cursor is past the change shows the change, everywhere; and that there are both kinds."""
    past = []
    for response, afterwards in responses_around(lambda: change(scene), lambda: scene.ask(document)):
        [cursor] = cursors_in(scene, response)
        assert cursor.seq >= before.seq
        past.append(cursor != before)
        if cursor != before:
            assert cursors_in(scene, afterwards) == {cursor}
            assert without_cursors(response) == without_cursors(afterwards)
    assert True in past
    assert False in past
    assert without_cursors(scene.ask(document)) != without_cursors(afterwards)
