"""The drill's pages: the product's own client under Node.js comes through what a drill does to it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from chat.drill.clients import pages as pages_part
from chat.drill.clients.page import PageClient
from chat.drill.clients.pages import Pages
from chat.drill.history import (
    Applied,
    Called,
    Closed,
    Connection,
    Ended,
    Follows,
    Lagged,
    Opened,
    Ready,
    Reset,
    Returned,
    Tried,
)
from chat.drill.parts.databases import ROOT
from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.server import Server
from tests.drill.desk import Desk
from tests.drill.stage import Stage, admit


def _has(page: PageClient, room: str, message: str) -> bool:
    return message in page.messages(room)


@pytest.fixture
async def desk(stage: Stage, tmp_path: Path) -> AsyncIterator[Desk]:
    pages = Pages(tmp_path)
    await pages.start()
    yield Desk(stage, pages)
    await pages.stop()
    assert pages.failures == []


# --- What pages do --------------------------------------------------------------------------------------


async def test_pages_send_and_follow_in_one_order(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    sent = [aiko.send(room, f"message {number}") for number in range(20)]
    assert aiko.unsent == 20
    await desk.until_arrived(room, sent)
    assert aiko.messages(room) == ben.messages(room) == sent
    assert [each.id for each in desk.of(Called)] == sent
    assert [each.id for each in desk.of(Tried)] == sent
    assert [each.id for each in desk.of(Returned, outcome="stored")] == sent
    seqs = [each.seq for each in desk.of(Returned)]
    for page in (aiko, ben):
        assert desk.of(Opened, client=page.name, person=page.person.id, flavour="page", path=page.name)
        assert desk.of(Follows, client=page.name)
        assert desk.of(Ready, client=page.name)
        assert desk.told(page) == sent
        assert [each.seq for each in desk.of(Applied, client=page.name)] == seqs
        assert page.position(room) == seqs[-1]
        assert [each.state for each in desk.of(Connection, client=page.name)] == ["connected"]
    await desk.verify(room)


async def test_a_page_has_what_a_new_client_fetches_after_all_that_people_do(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    first, second, third = (aiko.send(room, f"message {number}") for number in range(3))
    await desk.until_arrived(room, [first, second, third])
    ben.react(room, first, "👍", True)
    ben.react(room, second, "🎉", True)
    ben.react(room, second, "🎉", False)
    aiko.edit(room, first, "another message")
    aiko.delete(room, third)
    answer = ben.send(room, "hello @aiko", reply_to=first)
    await desk.stage.add(room, "aiko", "chie")
    await desk.until_sent(aiko, ben)
    ben.mark_read(room, ben.position(room) or 0)
    await desk.until_arrived(room, [first, second, answer])
    await desk.verify(room)
    state = (await ben.state())[room]
    assert state["messages"][first]["body"] == "another message"
    assert state["messages"][first]["reactions"] == {"👍": [ben.person.id]}
    assert state["messages"][second]["reactions"] == {}
    assert state["messages"][third]["deleted"]
    assert state["members"][desk.stage.people["chie"].id] == "MEMBER"
    assert {each.verb for each in desk.of(Called)} == {
        "send", "edit", "delete", "addReaction", "removeReaction", "markRead"
    }  # fmt: skip


# --- The network ----------------------------------------------------------------------------------------


async def test_pages_come_through_cuts(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    sent = []
    for round_ in range(5):
        sent += [aiko.send(room, f"message {round_}.{number}") for number in range(4)]
        await desk.until("ben has some of it", _has, ben, room, sent[-3])
        assert desk.stage.paths["aiko"].reset_connections() + desk.stage.paths["ben"].reset_connections() > 0
    await desk.stage.paths["aiko"].cut()
    sent.append(aiko.send(room, "while the network is away"))
    await desk.until_recorded(Returned, id=sent[-1], outcome="unknown")
    await desk.stage.paths["aiko"].restore()
    await desk.until_arrived(room, sent)
    assert desk.told(aiko) == desk.told(ben) == await desk.stored(room) == sent
    for page in (aiko, ben):
        assert desk.of(Connection, client=page.name, state="lost", code=1006)
    await desk.verify(room)


async def test_an_answer_that_is_lost_does_not_double_the_message(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    await desk.stage.paths["aiko"].lose_answers()
    sent = [aiko.send(room, "is it there?"), aiko.send(room, "and this?")]
    await desk.until("ben has the first", lambda: sent[:1] == ben.messages(room))
    await desk.stage.paths["aiko"].restore()
    await desk.until_arrived(room, sent)
    assert len(desk.of(Tried, id=sent[0])) > 1
    assert await desk.stored(room) == sent
    await desk.verify(room)


async def test_a_page_finds_out_that_its_socket_is_half_open(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    await desk.until_recorded(Ready, client="aiko")
    await desk.stage.paths["aiko"].stall()
    sent = [ben.send(room, "do you hear me?")]
    await desk.until_sent(ben)
    aiko.come_into_view()
    await desk.until_recorded(Connection, client="aiko", state="lost")
    assert aiko.messages(room) == []
    await desk.stage.paths["aiko"].restore()
    await desk.until_arrived(room, sent)
    await desk.verify(room)


async def test_pages_come_through_the_kill_of_the_server_while_they_send(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    sent = []
    for round_ in range(2):
        sent += [aiko.send(room, f"message {round_}.{number}") for number in range(30)]
        await desk.until("the first are stored", lambda: aiko.unsent <= 25)
        await desk.stage.kill_server()
        assert aiko.unsent > 0
    await desk.until_arrived(room, sent)
    assert desk.told(aiko) == desk.told(ben) == await desk.stored(room) == sent
    await desk.verify(room)


# --- Tabs and browsers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("orderly", [True, False], ids=["closed", "crashed"])
async def test_what_a_page_had_not_sent_goes_out_when_it_is_loaded_again(desk: Desk, orderly: bool) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, _ = await desk.page("aiko", room), await desk.page("ben", room)
    await desk.stage.paths["aiko"].cut()
    sent = [aiko.send(room, f"message {number}") for number in range(5)]
    await desk.until_recorded(Called, id=sent[-1])
    again = asyncio.create_task(desk.reload(aiko, orderly=orderly))
    await desk.until_recorded(Closed, client="aiko")
    await desk.stage.paths["aiko"].restore()
    aiko = await again
    assert aiko.name == "aiko~2"
    assert aiko.outbox == "aiko"
    sent.append(aiko.send(room, "from the new page"))
    await desk.until_arrived(room, sent)
    assert await desk.stored(room) == sent
    await desk.verify(room)


async def test_another_tab_sends_what_a_crashed_one_left(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    first = await desk.page("aiko", room)
    second = await desk.tab(first, "aiko's second tab")
    await desk.page("ben", room)
    await desk.stage.paths["aiko"].cut()
    sent = [first.send(room, f"message {number}") for number in range(5)]
    await desk.until_recorded(Called, id=sent[-1])
    await desk.until("the other tab knows of it", lambda: second.unsent == 5)
    await desk.crash(first)
    sent += [second.send(room, "and one more")]
    await desk.stage.paths["aiko"].restore()
    await desk.until_arrived(room, sent)
    assert await desk.stored(room) == sent
    await desk.verify(room)


async def test_another_tab_sends_where_the_sending_one_is_frozen(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    first = await desk.page("aiko", room)
    second = await desk.tab(first, "aiko's second tab")
    ben = await desk.page("ben", room)
    sent = [first.send(room, "all is well")]
    await desk.until_arrived(room, sent)
    first.freeze()
    sent += [second.send(room, f"message {number}") for number in range(5)]
    await desk.until("ben has it", lambda: ben.messages(room) == sent)
    assert first.messages(room) == sent[:1]
    first.thaw()
    sent += [first.send(room, "awake again"), second.send(room, "welcome back")]
    await desk.until_arrived(room, sent)
    await desk.verify(room)


async def test_all_that_two_tabs_did_in_a_day_without_a_network_is_stored_once_and_in_order(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    first = await desk.page("aiko", room)
    second = await desk.tab(first, "aiko's second tab")
    ben = await desk.page("ben", room)
    base = [first.send(room, "before the flight")]
    await desk.until_arrived(room, base)
    first.go_offline()
    await desk.until_recorded(Connection, client="aiko", state="lost")
    sent = []
    for number in range(100):
        tab = first if number % 2 else second
        sent.append(tab.send(room, f"message {number}"))
        if number % 4 == 0:
            tab.edit(room, sent[-1], f"message {number}, better")
        elif number % 4 == 1:
            tab.react(room, sent[-1], "👍", True)
        else:
            tab.react(room, base[0], "👍" if number % 8 < 4 else "🎉", number % 16 < 8)
    ben.send(room, "meanwhile")
    await desk.until("all of it is kept", lambda: first.unsent == second.unsent == 200)
    first.shift_clock(24 * 3600)
    first.go_online()
    await desk.until_arrived(room, sent)
    stored = await desk.stored(room)
    assert [message for message in stored if message in set(sent)] == sent
    assert len(stored) == 102
    await desk.verify(room)


# --- Who may read -----------------------------------------------------------------------------------------


async def test_the_page_of_a_banned_person_stops(desk: Desk, server: Server) -> None:
    desk.stage.people |= await asyncio.to_thread(admit, server, "dan")
    room = await desk.stage.room("aiko", "dan")
    dan = await desk.page("dan", room)
    await desk.until_recorded(Ready, client="dan")
    await desk.stage.do(f"from chat.actions import people; people.ban({dan.person.id}, actor=None, reason='drill')")
    stopped = await desk.until_recorded(Connection, client="dan", state="stopped")
    assert stopped.code in (4401, 4403)
    dan.send(room, "hello?")
    await desk.until_sent(dan)
    assert dan.stopped
    again = await desk.reload(dan)
    assert again.stopped
    again.send(room, "anybody?")
    await desk.until_sent(again)
    await again.stop()
    await again.stop()


async def test_a_page_ends_when_its_person_is_removed_and_goes_on_when_they_are_let_in_again(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    await desk.until_recorded(Ready, client="ben")
    await desk.stage.remove(room, "aiko", "ben")
    await desk.until_recorded(Ended, client="ben", room=room)
    assert await ben.state() == {}
    await desk.until("ben stands nowhere", lambda: ben.position(room) is None)
    sent = [aiko.send(room, "he is gone")]
    await desk.until_sent(aiko)
    await desk.stage.add(room, "aiko", "ben")
    await desk.until_arrived(room, sent)
    await desk.verify(room)


async def test_a_page_of_a_room_that_its_person_may_not_read_follows_it_once_they_are_let_in(desk: Desk) -> None:
    room = await desk.stage.room("aiko")
    aiko, chie = await desk.page("aiko", room), await desk.page("chie", room)
    assert desk.of(Ended, client="chie", room=room)
    await desk.until_recorded(Connection, client="chie", state="connected")
    await desk.stage.add(room, "aiko", "chie")
    await desk.until_recorded(Follows, client="chie", room=room)
    sent = [aiko.send(room, "welcome"), chie.send(room, "thanks")]
    await desk.until_arrived(room, sent)
    await desk.verify(room)


async def test_a_page_is_reset_where_a_backup_took_the_place_of_the_log(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    kept = [aiko.send(room, "in the backup")]
    await desk.until_arrived(room, kept)
    backup = await desk.stage.save()
    lost = [aiko.send(room, "not in the backup")]
    await desk.until_arrived(room, lost)
    await desk.stage.put_back(backup)
    for page in (aiko, ben):
        reset = await desk.until_recorded(Reset, client=page.name)
        assert reset.reason == "HISTORY_CHANGED"
        assert reset.after == desk.of(Applied, client=page.name)[-1].cursor
    sent = [ben.send(room, "what was that?")]
    await desk.until_arrived(room, kept + sent)
    await desk.until_fresh(room)
    assert aiko.messages(room) == ben.messages(room) == kept + sent


# --- The process ------------------------------------------------------------------------------------------


async def test_a_pause_of_the_pages_process_is_on_record(desk: Desk) -> None:
    os.kill(desk.pages.pid, SIGSTOP)
    await desk.stage.do("print('this takes longer than a tenth of a second')")
    os.kill(desk.pages.pid, SIGCONT)
    lagged = await desk.until_recorded(Lagged, who="pages")
    assert lagged.seconds > 0.1


async def test_the_end_of_the_pages_process_fails_who_waits_for_it(stage: Stage, tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    await pages.start()
    page = Desk(stage, pages).prepare("aiko", "1")
    waiting = asyncio.create_task((await page).start())
    os.kill(pages.pid, 9)
    with pytest.raises(PartFailedError, match="has ended"):
        await waiting
    await pages.stop()
    assert len(pages.failures) == 1


async def test_pages_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ROOT / "node_modules" / "not-there"
    monkeypatch.setattr(pages_part, "_NEEDED", {missing: "the Node.js packages (npm ci)"})
    with pytest.raises(PartFailedError, match=r"without the Node\.js packages"):
        await Pages(tmp_path).start()
