"""Reactions: one emoji of one person under one message is there or is not."""

from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.actions import reactions
from chat.actions.members import remove_member
from chat.actions.messages import delete_message
from chat.actions.reactions import add_reaction, remove_reaction
from chat.actions.rooms import leave_room, update_room
from chat.models import Message, Reaction, Room, User
from tests.chat.actions.arranging import happened, head, person, refused, room, rows, said

pytestmark = pytest.mark.django_db


def test_a_reaction_is_stored_and_changes_the_messages_version() -> None:
    author, other = person(), person()
    place = room(author, other)
    message = said(place, author)
    before = head(place.stream)

    seen = add_reaction(message.pk, actor=other, emoji="👍🏽")

    assert list(Reaction.objects.values_list("message_id", "user_id", "emoji")) == [(message.pk, other.pk, "👍🏽")]
    assert seen.version == Message.objects.get().version == before + 1
    assert Message.objects.get().edited_at is None
    detail = {"emoji": "👍🏽", "added": True}
    assert happened(place.stream, after=before) == [("reactions.changed", other.pk, str(message.pk), detail)]


def test_a_reaction_taken_away_is_an_event_too() -> None:
    author = person()
    place = room(author)
    message = said(place, author)
    add_reaction(message.pk, actor=author, emoji="👍")
    before = head(place.stream)
    assert remove_reaction(message.pk, actor=author, emoji="👍").version == before + 1
    assert not Reaction.objects.exists()
    detail = {"emoji": "👍", "added": False}
    assert happened(place.stream, after=before) == [("reactions.changed", author.pk, str(message.pk), detail)]


def test_the_same_reaction_twice_and_one_taken_away_that_is_not_there_change_nothing() -> None:
    author = person()
    message = said(room(author), author)
    add_reaction(message.pk, actor=author, emoji="❤️")
    before = rows()
    add_reaction(message.pk, actor=author, emoji="❤️")
    add_reaction(message.pk, actor=author, emoji="❤")
    remove_reaction(message.pk, actor=author, emoji="🎉")
    assert rows() == before
    assert Reaction.objects.count() == 1


def test_a_late_repeat_does_not_bring_a_reaction_back() -> None:
    author = person()
    message = said(room(author), author)
    op_id = uuid4()
    add_reaction(message.pk, actor=author, emoji="👍", op_id=op_id)
    remove_reaction(message.pk, actor=author, emoji="👍", op_id=uuid4())
    before = rows()
    add_reaction(message.pk, actor=author, emoji="👍", op_id=op_id)
    assert rows() == before
    assert not Reaction.objects.exists()


@pytest.mark.parametrize(
    "emoji", ["", "a", "ok", "👍👍", "👍 ", " ", "#", "1", "🏽", "\u200d", "\ufe0f", "<b>", "👍\u200d", "届"]
)
def test_what_is_not_exactly_one_emoji_is_refused(emoji: str) -> None:
    author = person()
    message = said(room(author), author)
    before = rows()
    invalid = ("BAD_USER_INPUT", "EMOJI_INVALID", "emoji")
    assert refused(add_reaction, message.pk, actor=author, emoji=emoji) == invalid
    assert refused(remove_reaction, message.pk, actor=author, emoji=emoji) == invalid
    assert rows() == before


@pytest.mark.parametrize("emoji", ["👍", "👍🏿", "👩‍💻", "🏳️‍🌈", "🇯🇵", "#️⃣", "👨‍👩‍👧‍👦", "☀️", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🫠"])
def test_emoji_of_every_make_are_taken(emoji: str) -> None:
    author = person()
    message = said(room(author), author)
    add_reaction(message.pk, actor=author, emoji=emoji)
    assert Reaction.objects.get().emoji == emoji


def test_a_message_takes_only_so_many_kinds_of_emoji(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "MAX_EMOJI_PER_MESSAGE", 2)
    author, other = person(), person()
    message = said(room(author, other), author)
    for emoji in "👍🎉":
        add_reaction(message.pk, actor=author, emoji=emoji)
    add = refused(add_reaction, message.pk, actor=author, emoji="🐈")
    assert add == ("BAD_USER_INPUT", "TOO_MANY_EMOJI", "emoji")
    add_reaction(message.pk, actor=other, emoji="🎉")
    assert Reaction.objects.count() == 3


def test_nobody_reacts_where_they_may_not_write() -> None:
    author, stranger, owner = person(), person(), person()
    place = room(author, owner=owner)
    message = said(place, author)

    def reason(actor: User = author) -> str | None:
        return refused(add_reaction, message.pk, actor=actor, emoji="👍")[1]

    assert reason(stranger) == "NOT_A_MEMBER"
    update_room(place.pk, actor=owner, archived=True)
    assert reason() == "ROOM_ARCHIVED"
    update_room(place.pk, actor=owner, archived=False)
    delete_message(message.pk, actor=author)
    assert reason() == "MESSAGE_DELETED"


def test_a_repeat_shows_nothing_to_one_who_may_no_longer_read() -> None:
    author, owner = person(), person()
    place = room(author, owner=owner, visibility=Room.Visibility.PRIVATE)
    message = said(place, owner)
    op_id = uuid4()
    add_reaction(message.pk, actor=author, emoji="👍", op_id=op_id)
    remove_member(place.pk, actor=owner, user_id=author.pk)
    repeat = refused(add_reaction, message.pk, actor=author, emoji="👍", op_id=op_id)
    assert repeat == ("NOT_FOUND", "MESSAGE_UNKNOWN", None)


def test_reactions_of_one_who_left_stay() -> None:
    author, other = person(), person()
    place = room(author, other)
    message = said(place, author)
    add_reaction(message.pk, actor=other, emoji="👍")
    leave_room(place.pk, actor=other)
    assert Reaction.objects.count() == 1


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.sampled_from("👍🎉")), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_the_events_alone_tell_which_reactions_there_are(steps: list[tuple[bool, int, str]]) -> None:
    people = (person(), person())
    place = room(*people)
    message = said(place, people[0])
    start = message.seq or 0
    for add, who, emoji in steps:
        (add_reaction if add else remove_reaction)(message.pk, actor=people[who], emoji=emoji)

    told: set[tuple[int | None, str]] = set()
    for _, actor, _, detail in happened(place.stream, after=start):
        key = (actor, detail["emoji"])
        assert (key in told) is not detail["added"], "an event that changes nothing"
        (told.add if detail["added"] else told.remove)(key)
    assert told == set(Reaction.objects.filter(message=message).values_list("user_id", "emoji"))
    assert Message.objects.get(pk=message.pk).version == head(place.stream)


def test_ids_that_name_nothing_are_answered_alike() -> None:
    unknown = ("NOT_FOUND", "MESSAGE_UNKNOWN", None)
    assert refused(add_reaction, UUID(int=1), actor=person(), emoji="👍") == unknown
