"""Ids, cursors, texts and numbers that are somebody else's, or that no database can hold; and bombs."""

import json
from uuid import uuid4

from realtime.cursor import Cursor
from tests.hostile.asking import Ask, parameters
from tests.hostile.attacks import Attacks
from tests.hostile.bombs import BOMBS
from tests.hostile.target import Target

attack = Attacks()

REFUSALS = {"BAD_USER_INPUT", "NOT_FOUND", "TOO_COMPLEX", "CONFLICT"}
FEED = """
subscription($room: ID!, $after: String) {
  roomEvents(roomId: $room, after: $after) { event { __typename ... on StreamReset { reason } } }
}
"""
OF_A_ROOM = [
    "query($v: ID!) { room(id: $v) { id } }",
    "mutation($v: ID!) { joinRoom(input: {roomId: $v}) { room { id } } }",
    "mutation($v: ID!) { leaveRoom(input: {roomId: $v}) { room { id } } }",
    "mutation($v: ID!) { setTyping(input: {roomId: $v, typing: true}) { room { id } } }",
    "mutation($v: ID!) { markRead(input: {roomId: $v, seq: 1}) { room { id } } }",
    "mutation($v: ID!) { markUnread(input: {roomId: $v, seq: 1}) { room { id } } }",
    'mutation($v: ID!) { sendMessage(input: {roomId: $v, body: "x"}) { status } }',
    'mutation($v: ID!) { updateRoom(input: {roomId: $v, name: "mine"}) { room { id } } }',
    'mutation($v: ID!) { addMember(input: {roomId: $v, userId: "1"}) { room { id } } }',
    'mutation($v: ID!) { removeMember(input: {roomId: $v, userId: "1"}) { room { id } } }',
    'mutation($v: ID!) { setRole(input: {roomId: $v, userId: "1", role: OWNER}) { room { id } } }',
]
OF_A_MESSAGE = [
    "query($v: ID!) { message(id: $v) { id } }",
    'mutation($v: ID!) { editMessage(input: {messageId: $v, body: "mine"}) { message { id } } }',
    "mutation($v: ID!) { deleteMessage(input: {messageId: $v}) { message { id } } }",
    'mutation($v: ID!) { addReaction(input: {messageId: $v, emoji: "👍"}) { message { id } } }',
    'mutation($v: ID!) { removeReaction(input: {messageId: $v, emoji: "👍"}) { message { id } } }',
    'mutation($v: ID!) { sendMessage(input: {roomId: "ROOM", body: "x", replyToId: $v}) { status } }',
]
FEEDS = [
    "subscription($v: ID!) { roomEvents(roomId: $v) { cursor } }",
    "subscription($v: ID!) { roomSignals(roomId: $v) { __typename } }",
]
OF_A_TEXT = [
    "query($v: String) { rooms(query: $v) { nodes { id } } }",
    "query($v: String) { rooms(after: $v) { nodes { id } } }",
    "query($v: String) { room(slug: $v) { id } }",
    "query($v: String!) { user(username: $v) { id } }",
    'query($v: String) { room(id: "ROOM") { messages(before: $v) { nodes { id } } } }',
    'query($v: String) { room(id: "ROOM") { members(after: $v) { nodes { role } } } }',
    'mutation($v: String!) { sendMessage(input: {roomId: "ROOM", body: $v}) { status } }',
    "mutation($v: String!) { createRoom(input: {name: $v, slug: $v, topic: $v}) { room { id } } }",
    'mutation($v: UUID!) { sendMessage(input: {roomId: "ROOM", body: "x", id: $v}) { status } }',
]
OF_A_NUMBER = [
    "query($v: Int) { rooms(first: $v) { nodes { id } } }",
    'query($v: Int) { room(id: "ROOM") { messages(last: $v, afterSeq: $v) { nodes { id } } } }',
    'mutation($v: Int!) { markRead(input: {roomId: "ROOM", seq: $v}) { room { id } } }',
]
NO_TEXTS = ["\0", "a\0b", "\ud800", "a\udfffb", "\udfff\ud800"]
NUMBERS = [-(10**30), -(2**63) - 1, -(2**31) - 1, 2**31, 2**63, 2**64, 10**30, 1e308, 0.5]


def named(query: str, target: Target) -> str:
    return query.replace("ROOM", target.room_id)


@attack.over_both
async def what_is_foreign_is_as_if_it_were_not_there(target: Target, ask: Ask) -> None:
    foreign = await target.foreign()
    pairs = [(query, foreign.room_id, "4611686018427387903") for query in [*OF_A_ROOM, *FEEDS]]
    pairs += [(named(query, target), foreign.message_id, str(uuid4())) for query in OF_A_MESSAGE]
    for query, theirs, nobodys in pairs:
        answer, expected = await ask(parameters(query, v=theirs)), await ask(parameters(query, v=nobodys))
        assert (answer.data, answer.codes, answer.reasons) == (expected.data, expected.codes, expected.reasons)
        assert answer.codes <= REFUSALS
        assert answer.codes or not any(answer.data.values())


@attack.over_both
async def cursors_that_are_foreign_or_made_up_begin_anew(target: Target, ask: Ask) -> None:
    own = Cursor.parse(await target.cursor())
    forged = [str(Cursor(own.stream_id, own.seq, nonce)) for nonce in (0, own.nonce ^ 1, 2**63, 2**64 - 1)] + [
        str(Cursor(own.stream_id, seq, own.nonce)) for seq in (own.seq + 1, 2**63, 2**64 - 1)
    ]
    foreign = [
        (await target.foreign()).cursor,
        str(Cursor(2**64 - 1, 1, 1)),
        "",
        "x",
        "====",
        "é",
        "A" * 32,
        "A" * 4_000,
    ]
    for cursor in forged + foreign:
        answer = await ask(parameters(FEED, room=target.room_id, after=cursor))
        if answer.refused or answer.codes:  # over HTTP
            assert answer.reasons == {"SUBSCRIPTION_OVER_HTTP"}
            continue
        event = answer.data["roomEvents"]["event"]
        assert event["__typename"] == "StreamReset"
        assert event["reason"] == ("CURSOR_INVALID" if cursor in foreign else "HISTORY_CHANGED")


@attack.over_both
async def text_that_no_database_keeps_is_refused(target: Target, ask: Ask) -> None:
    for query in OF_A_TEXT:
        for text in NO_TEXTS:
            for written in (parameters(named(query, target), v=text), _unescaped(named(query, target), text)):
                answer = await ask(written)
                assert answer.codes == {"BAD_USER_INPUT"} or answer.refused in (400, 1007, 4400)


def _unescaped(query: str, text: str) -> str:
    return json.dumps({"query": query, "variables": {"v": text}}, ensure_ascii=False)


@attack.over_both
async def numbers_beyond_what_a_database_keeps_are_refused(target: Target, ask: Ask) -> None:
    for query in OF_A_NUMBER:
        for number in NUMBERS:
            assert (await ask(parameters(named(query, target), v=number))).codes == {"BAD_USER_INPUT"}
    for query in [*OF_A_ROOM, *OF_A_MESSAGE, *FEEDS]:
        for number in NUMBERS:
            answer = await ask(parameters(named(query, target), v=number))
            assert answer.codes <= REFUSALS
            assert answer.codes or not any(answer.data.values())


@attack.over_both
async def bombs_one_after_the_other(target: Target, ask: Ask) -> None:
    for bomb in BOMBS.values():
        answer = await ask(bomb)
        assert answer.codes or answer.refused
