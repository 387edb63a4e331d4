"""The drill's Python client: it comes through what a drill does to it, and records what it was told."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from chat.drill.clients.answer import Answer, Data, Json, answer_in
from chat.drill.clients.crowd import Crowd
from chat.drill.clients.outbox import REORDERING_OUTBOX, Operation, Outbox
from chat.drill.clients.room import STALE_PAGE
from chat.drill.clients.sending import Sending
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Applied, Connection, Ended, Follows, Opened, Ready, Reset, Returned, Tried
from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.server import Server
from chat.drill.server import BUG, FOLDER, NUMBER
from tests.drill.stage import HURRIED, Memory, Stage, admit
from tests.parts.eventually import eventually


def stored(stage: Stage) -> list[str]:
    return [each.id for each in stage.memory.of(Returned, outcome="stored")]


def applied(stage: Stage, client: str, room: str) -> list[str]:
    """The messages that were sent, as the client was told."""
    return [each.object for each in stage.memory.of(Applied, client=client, room=room, event="MessageSent")]


def seqs(stage: Stage, client: str, room: str) -> list[int]:
    return [each.seq for each in stage.memory.of(Applied, client=client, room=room)]


# --- Sending ----------------------------------------------------------------------------------------


async def test_sends_arrive_once_and_in_order(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    sent = [aiko.send(room, f"message {number}") for number in range(20)]
    await stage.until_all_have(room, *sent)
    assert aiko.messages(room) == ben.messages(room) == sent
    assert [each.id for each in stage.memory.of(Tried)] == stored(stage) == sent
    for client in (aiko, ben):
        assert applied(stage, client.name, room) == sent
        assert seqs(stage, client.name, room)[-20:] == [each.seq for each in stage.memory.of(Returned)]


async def test_what_waits_goes_out_over_the_websocket_where_that_is_wanted(stage: Stage) -> None:
    room = await stage.room("aiko")
    aiko = await stage.client("aiko", settings=replace(HURRIED, over_websocket=True))
    await eventually(lambda: stage.memory.of(Ready, client="aiko"), what="aiko is live")
    await aiko._endpoint.close()  # there is no other way
    sent = [aiko.send(room, f"message {number}") for number in range(5)]
    await stage.until_all_have(room, *sent)
    assert stored(stage) == sent


async def test_sends_arrive_once_and_in_order_through_cuts(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    sent = []
    for round_ in range(6):
        sent += [aiko.send(room, f"message {round_}.{number}") for number in range(4)]
        await eventually(partial(_has_some_of, ben.messages, room, sent[-4:-2]), what="ben has some of it")
        assert stage.paths["aiko"].reset_connections() + stage.paths["ben"].reset_connections() > 0
    await stage.paths["aiko"].cut()
    failed = len(stage.memory.of(Returned, outcome="unknown"))
    sent.append(aiko.send(room, "while the network is away"))
    await eventually(lambda: len(stage.memory.of(Returned, outcome="unknown")) > failed + 1, what="tries fail")
    await stage.paths["aiko"].restore()
    await stage.until_all_have(room, *sent)
    assert applied(stage, "aiko", room) == applied(stage, "ben", room) == stored(stage) == sent
    for client in ("aiko", "ben"):
        assert _rises_by_one(seqs(stage, client, room))
        assert stage.memory.of(Connection, client=client, state="lost", code=1006)


def _has_some_of(known: object, room: str, wanted: list[str]) -> bool:
    assert callable(known)
    return bool(set(wanted) & set(known(room)))


def _rises_by_one(seqs: list[int]) -> bool:
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_an_answer_that_is_lost_does_not_double_the_message(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko", settings=replace(HURRIED, request_s=0.3))
    ben = await stage.client("ben")
    await stage.paths["aiko"].lose_answers()
    sent = [aiko.send(room, "one"), aiko.send(room, "two")]
    await eventually(lambda: ben.messages(room) == sent[:1], what="the first has arrived")
    await eventually(lambda: len(stage.memory.of(Tried, id=sent[0])) > 1, what="and is tried again")
    assert not stored(stage)
    await stage.paths["aiko"].restore()
    await stage.until_all_have(room, *sent)
    assert applied(stage, "aiko", room) == applied(stage, "ben", room) == stored(stage) == sent


async def test_sends_arrive_once_and_in_order_past_a_killed_server(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    sent = [aiko.send(room, f"before {number}") for number in range(10)]
    await eventually(lambda: ben.messages(room), what="something has arrived")
    await stage.kill_server()
    sent += [aiko.send(room, f"after {number}") for number in range(10)]
    await stage.until_all_have(room, *sent)
    assert applied(stage, "aiko", room) == applied(stage, "ben", room) == stored(stage) == sent
    assert _rises_by_one(seqs(stage, "ben", room))


async def test_a_refused_operation_is_not_repeated_and_holds_nothing_back(stage: Stage) -> None:
    room = await stage.room("aiko")
    aiko = await stage.client("aiko")
    empty, good = aiko.send(room, ""), aiko.send(room, "good")
    await stage.until_all_have(room, good)
    assert [(each.id, each.outcome, each.code) for each in stage.memory.of(Returned)] == [
        (empty, "refused", "BAD_USER_INPUT"),
        (good, "stored", None),
    ]


class Busy:
    """A server that has no time for the first request."""

    def __init__(self) -> None:
        self.asked = 0

    async def execute(self, query: str, variables: Json) -> Answer:
        self.asked += 1
        if self.asked == 1:
            limited = {"message": "later", "extensions": {"code": "RATE_LIMITED", "retryAfter": 0.25}}
            return answer_in({"data": None, "errors": [limited]})
        return Data({"answer": {"message": {"id": variables["input"]["id"], "seq": 7, "version": 7}}})


async def test_who_is_told_to_come_later_comes_later() -> None:
    memory, outbox, tasks = Memory(), Outbox("a"), Tasks(lambda _error: False)
    sending = Sending(
        outbox, Busy(), tasks, lambda _room: lambda _message: None, settings=HURRIED, random=Random(), recorder=memory
    )  # fmt: skip
    sending.start()
    outbox.add(Operation("1", "r", "sendMessage", {"id": "1"}))
    await eventually(lambda: outbox.size == 0, what="it is sent")
    await tasks.stop()
    refused, stored = memory.of(Returned)
    assert (refused.outcome, refused.code, refused.retry_after) == ("unknown", "RATE_LIMITED", 0.25)
    assert (stored.outcome, stored.seq) == ("stored", 7)
    assert memory.of(Tried)[1].t - refused.t >= 0.25


# --- Its outbox -------------------------------------------------------------------------------------


async def test_a_restart_keeps_what_waits_in_the_outbox(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko")
    await stage.paths["aiko"].cut()
    sent = [aiko.send(room, f"message {number}") for number in range(5)]
    await eventually(lambda: stage.memory.of(Tried, id=sent[0]), what="the first is tried")
    await aiko.stop()
    assert aiko.unsent == 5
    await stage.paths["aiko"].restore()
    again = await stage.restart(aiko)
    sent.append(again.send(room, "the last"))
    await stage.until_all_have(room, *sent)
    assert stored(stage) == sent
    assert again.messages(room) == sent
    assert (again.name, again.outbox) == ("aiko.2", aiko.outbox)
    assert [each.client for each in stage.memory.of(Opened)] == ["aiko", "aiko.2"]


async def test_of_two_tabs_the_one_that_stays_sends_what_the_other_left(stage: Stage) -> None:
    room = await stage.room("aiko")
    outbox = Outbox("the browser")
    one = await stage.client("aiko", name="one", outbox=outbox)
    await stage.client("aiko", name="two", outbox=outbox)
    await stage.paths["one"].cut()
    await stage.paths["two"].cut()
    sent = [one.send(room, "a"), one.send(room, "b")]
    await eventually(lambda: stage.memory.of(Tried, id=sent[0]), what="the first is tried")
    await one.stop()
    stage.clients.remove(one)
    await stage.paths["two"].restore()
    await stage.until_all_have(room, *sent)
    assert stored(stage) == sent


# --- State ------------------------------------------------------------------------------------------


async def test_after_every_kind_of_change_the_state_is_what_a_new_client_fetches(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    other = await stage.room("ben", "aiko", visibility="PUBLIC")
    aiko = await stage.client("aiko", settings=replace(HURRIED, page_size=3))
    ben = await stage.client("ben", settings=replace(HURRIED, page_size=2))
    sent = [aiko.send(room, f"message {number}") for number in range(8)]
    aiko.edit(room, sent[2], "edited")
    aiko.delete(room, sent[3])
    aiko.react(room, sent[4], "👍", True)
    await stage.until_all_have(room, *sent[:3], *sent[4:])
    ben.react(room, sent[4], "👍", True)
    ben.react(room, sent[4], "🎉", True)
    ben.react(room, sent[4], "🎉", False)
    ben.mark_read(room, 6)
    ben.send(other, "something unread")
    aiko.do(room, "setRole", roomId=room, userId=ben.person.id, role="MODERATOR")
    aiko.do(room, "updateRoom", roomId=room, topic="what to do")
    aiko.do(room, "addMember", roomId=room, userId=stage.people["chie"].id)
    aiko.do(room, "removeMember", roomId=room, userId=stage.people["chie"].id)
    for each in (room, other):
        await stage.until_quiet(each)
    for client in (aiko, ben):
        await stage.until_fresh(client, room, other)
    assert (await aiko.state())[room]["messages"][sent[4]]["reactions"] == {
        "👍": sorted([aiko.person.id, ben.person.id])
    }
    assert (await ben.state())[room]["membership"] == {
        "role": "MODERATOR",
        "lastReadSeq": 6,
        "unread": 4,
        "mentions": 0,
    }


async def test_a_client_that_begins_late_loads_the_whole_room_page_by_page(stage: Stage) -> None:
    room = await stage.room("aiko", "ben", "chie")
    aiko = await stage.client("aiko")
    sent = [aiko.send(room, f"message {number}") for number in range(8)]
    await stage.until_all_have(room, *sent)
    ben = await stage.client("ben", settings=replace(HURRIED, page_size=3))
    await stage.until_fresh(ben, room)
    assert ben.messages(room) == sent


async def test_an_older_page_and_a_late_answer_do_not_overwrite_what_an_event_has_said(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    message = aiko.send(room, "first")
    await stage.until_all_have(room, message)
    cache = ben.rooms[room].cache
    assert cache is not None
    late = dict(cache.messages[message])
    aiko.edit(room, message, "second")
    await stage.until_quiet(room)
    cache.reread({"nodes": [late]})
    ben._writer(room)(late)
    await stage.until_fresh(ben, room)


# --- Who may read -----------------------------------------------------------------------------------


async def test_a_removed_member_is_told_the_end_and_follows_again_after_a_rejoin(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    await stage.until_quiet(room)
    await stage.remove(room, "aiko", "ben")
    await eventually(lambda: stage.memory.of(Ended, client="ben", room=room), what="ben is told the end")
    assert ben.position(room) is None
    assert room not in await ben.state()
    unseen = aiko.send(room, "without ben")
    await eventually(lambda: aiko.messages(room) == [unseen], what="it is sent")
    await stage.add(room, "aiko", "ben")
    seen = aiko.send(room, "with ben again")
    await stage.until_all_have(room, unseen, seen)
    assert applied(stage, "ben", room) in ([seen], [])
    assert len(stage.memory.of(Follows, client="ben", room=room)) == 2
    await stage.until_fresh(ben, room)


async def test_who_was_removed_and_let_in_while_away_comes_back(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    await stage.until_quiet(room)
    await stage.paths["ben"].cut()
    await stage.remove(room, "aiko", "ben")
    sent = [aiko.send(room, "without ben")]
    await eventually(lambda: aiko.messages(room) == sent, what="it is sent")
    await stage.add(room, "aiko", "ben")
    await stage.paths["ben"].restore()
    sent.append(aiko.send(room, "with ben again"))
    await stage.until_all_have(room, *sent)
    await stage.until_fresh(ben, room)


async def test_a_room_that_one_is_brought_into_is_followed(stage: Stage) -> None:
    ben = await stage.client("ben")
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko")
    await eventually(lambda: stage.memory.of(Ready, client="ben", room=room), what="ben follows")
    sent = aiko.send(room, "welcome")
    await stage.until_all_have(room, sent)
    assert applied(stage, "ben", room) == [sent]
    await stage.until_fresh(ben, room)


async def test_who_was_banned_stops_for_good_and_sends_no_more(server: Server) -> None:
    stage = Stage(server, admit(server, "daigo", "emi"))
    room = await stage.room("daigo", "emi")
    daigo, emi = await stage.client("daigo"), await stage.client("emi")
    await stage.until_quiet(room)
    await stage.do(f"from chat.actions.people import ban; ban({emi.person.id}, actor=None, reason='for a test')")
    await eventually(lambda: stage.memory.of(Connection, client="emi", state="stopped"), what="emi is told")
    assert stage.memory.of(Connection, client="emi", state="stopped")[0].code == 4403
    opened = stage.paths["emi"].traffic.opened
    emi.send(room, "nobody will read this")
    sent = daigo.send(room, "without emi")
    await eventually(lambda: daigo.messages(room) == [sent], what="the others go on")
    assert emi.unsent == 0
    assert not stage.memory.of(Tried, outbox=emi.outbox)
    assert stage.paths["emi"].traffic.opened == opened
    await stage.close()


async def test_who_is_away_when_their_token_ends_stops_with_the_next_answer(server: Server) -> None:
    stage = Stage(server, admit(server, "fumi"))
    await stage.room("fumi")
    fumi = await stage.client("fumi")
    await stage.paths["fumi"].cut()
    await stage.do(
        "from chat.models import ApiToken; from chat.actions.tokens import revoke_token\n"
        f"revoke_token(ApiToken.objects.get(digest=ApiToken.digest_of({fumi.person.token!r})))"
    )
    await stage.paths["fumi"].restore()
    await eventually(lambda: stage.memory.of(Connection, client="fumi", state="stopped"), what="fumi stops")
    await stage.close()


async def test_who_is_told_over_http_that_the_token_has_ended_stops_for_good(stage: Stage) -> None:
    room = await stage.room("aiko")
    aiko = await stage.client("aiko")
    aiko._endpoint._http.headers["Authorization"] = "Bearer nobody's"
    aiko.send(room, "too late")
    await eventually(lambda: stage.memory.of(Connection, client="aiko", state="stopped"), what="aiko stops")
    assert aiko.unsent == 0
    assert not stored(stage)
    await eventually(lambda: not aiko._connection.is_connected, what="the WebSocket is closed")


# --- Resets -----------------------------------------------------------------------------------------


async def test_a_restored_backup_is_one_reset_after_which_the_room_is_fetched_anew(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    kept = aiko.send(room, "in the backup")
    await stage.until_all_have(room, kept)
    backup = await stage.save()
    lost = [aiko.send(room, "not in the backup"), ben.send(room, "nor this")]
    await stage.until_all_have(room, kept, *lost)
    await stage.put_back(backup)
    resets = partial(stage.memory.of, Reset, room=room)
    await eventually(lambda: len(resets()) == 2, what="both are told")
    sent = aiko.send(room, "afterwards")
    await stage.until_all_have(room, kept, sent)
    for client in (aiko, ben):
        assert not set(lost) & set(client.messages(room))
        await stage.until_fresh(client, room)
        begun, anew = stage.memory.of(Follows, client=client.name, room=room)
        (reset,) = resets(client=client.name)
        assert begun.t < reset.t < anew.t
        assert (reset.reason, anew.cursor) == ("HISTORY_CHANGED", reset.cursor)


@pytest.mark.parametrize("others_write", [True, False])
async def test_what_was_answered_ahead_of_the_events_goes_with_its_history(stage: Stage, others_write: bool) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    kept = aiko.send(room, "in the backup")
    await stage.until_all_have(room, kept)
    backup = await stage.save()
    aiko.rooms[room].feed._close()
    answered = aiko.send(room, "answered while no event comes")
    await eventually(lambda: answered in aiko.messages(room), what="the answer is here")
    await stage.paths["aiko"].cut()
    await stage.put_back(backup)
    if others_write:
        ben.send(room, "of the new history")
        await eventually(lambda: ben.unsent == 0, what="ben is answered")
    await stage.paths["aiko"].restore()
    await eventually(lambda: answered not in aiko.messages(room), what="what was answered is gone")
    await stage.until_fresh(aiko, room)


async def test_a_cursor_of_another_room_is_reset(stage: Stage) -> None:
    room, other = await stage.room("aiko", "ben"), await stage.room("aiko", "ben")
    aiko = await stage.client("aiko")
    await stage.until_quiet(other)
    cursor = stage.memory.of(Follows, client="aiko", room=other)[0].cursor
    feed = aiko.rooms[room].feed
    feed._position = replace(feed._position, cursor=cursor)  # type: ignore[type-var]
    stage.paths["aiko"].reset_connections()
    reset = (await eventually(lambda: stage.memory.of(Reset, client="aiko"), what="aiko is told"))[0]
    assert (reset.room, reset.reason, reset.after) == (room, "CURSOR_INVALID", cursor)
    sent = aiko.send(room, "afterwards")
    await stage.until_all_have(room, sent)
    await stage.until_fresh(aiko, room)


# --- The connection ---------------------------------------------------------------------------------


async def test_a_half_open_socket_is_found_by_pings_and_left(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    quick = replace(HURRIED, ping_after_s=0.2, pong_within_s=0.2)
    await stage.client("aiko", settings=quick)
    ben = await stage.client("ben")
    await eventually(lambda: stage.memory.of(Ready, client="aiko", room=room), what="aiko is live")
    await stage.paths["aiko"].stall()
    await eventually(lambda: stage.memory.of(Connection, client="aiko", state="lost"), what="it is found")
    sent = ben.send(room, "meanwhile")
    await stage.paths["aiko"].restore()
    await stage.until_all_have(room, sent)
    assert applied(stage, "aiko", room) == [sent]


async def test_a_silent_socket_that_answers_pings_stays_open(stage: Stage) -> None:
    quick = replace(HURRIED, ping_after_s=0.02, pong_within_s=5.0)
    await stage.room("aiko")
    await stage.client("aiko", settings=quick)
    await eventually(lambda: stage.memory.of(Connection, client="aiko", state="connected"), what="aiko is connected")
    traffic = stage.paths["aiko"].traffic
    up, down = traffic.up, traffic.down
    await eventually(
        lambda: traffic.up > up + 300 and traffic.down > down + 300, what="ten pings and pongs have passed"
    )
    assert len(stage.memory.of(Connection, client="aiko")) == 1


# --- A crowd --------------------------------------------------------------------------------------------


async def test_each_of_a_crowd_hears_everything_once_past_a_killed_server(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko")
    path = await stage.network.open_path("crowd")
    crowd = Crowd(
        f"http://{LOOPBACK}:{path.port}", stage.people["ben"], room, 50,
        name="crowd", path=path.name, recorder=stage.memory, random=Random(), settings=HURRIED,
    )  # fmt: skip
    await crowd.start()
    sent = [aiko.send(room, "before")]
    await stage.until_all_have(room, *sent)
    await eventually(lambda: crowd.reached(aiko.position(room) or 0) == 50, what="all have come as far as aiko")
    await stage.kill_server()
    sent.append(aiko.send(room, "after"))
    await stage.until_all_have(room, *sent)
    await eventually(lambda: crowd.reached(aiko.position(room) or 0) == 50, what="all have come as far as aiko")
    for listener in crowd.listeners:
        assert applied(stage, listener.name, room) == sent
    await crowd.stop()


# --- Mistakes on purpose: the client's ------------------------------------------------------------------


async def test_an_outbox_that_reorders_shows_in_the_history(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko", settings=replace(HURRIED, bugs=frozenset({REORDERING_OUTBOX})))
    sent = [aiko.send(room, f"message {number}") for number in range(3)]
    await stage.until_all_have(room, *sent)
    assert stored(stage) == [sent[1], sent[2], sent[0]] == aiko.messages(room)


async def test_a_page_that_overwrites_a_newer_event_shows_in_the_state(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko = await stage.client("aiko")
    ben = await stage.client("ben", settings=replace(HURRIED, bugs=frozenset({STALE_PAGE})))
    message = aiko.send(room, "first")
    await stage.until_all_have(room, message)
    for number in range(5):  # the page that comes late may have been asked for before the message
        aiko.edit(room, message, f"edit {number}")
        await stage.until_quiet(room)
    wanted, had = await stage.fresh("ben"), await ben.state()
    assert had[room]["lastSeq"] == wanted[room]["lastSeq"]
    assert had[room]["messages"][message] != wanted[room]["messages"][message]


# --- Mistakes on purpose: the server's -----------------------------------------------------------------


@pytest.fixture
def start_wrong_server(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Start a server that makes one mistake."""
    started = []

    def start(bug: str) -> Server:
        env = {FOLDER: str(tmp_path), NUMBER: "0", BUG: bug}
        server = server_part.prepare(tmp_path, database_url=sqlite_databases.create(), **env)
        server.module = "chat.drill.server"
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.mark.parametrize(
    ("bug", "heard"),
    [("skipped-seq", [5, 6, 8, 9]), ("doubled-event", [5, 6, 7, 7, 8, 9]), ("swapped-events", [5, 6, 8, 7, 9])],
)
async def test_what_a_wrong_server_says_is_recorded_as_it_comes_and_the_state_is_right_all_the_same(
    start_wrong_server: Callable[[str], Server], bug: str, heard: list[int]
) -> None:
    server = await asyncio.to_thread(start_wrong_server, bug)
    stage = Stage(server, await asyncio.to_thread(admit, server, "aiko", "ben"))
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    await eventually(lambda: stage.memory.of(Ready, client="ben", room=room), what="ben is live")
    head = (await stage.fresh("aiko"))[room]["lastSeq"]
    sent = []
    for seq in range(head + 1, 10):
        sent.append(aiko.send(room, f"message {seq}"))
        await eventually(lambda: aiko.unsent == 0, what="it is sent")
    await stage.until_all_have(room, *sent)
    assert seqs(stage, "ben", room)[-len(heard) :] == heard
    assert len(stage.memory.of(Connection, client="ben")) == 1
    await stage.until_fresh(ben, room)
    await stage.close()
