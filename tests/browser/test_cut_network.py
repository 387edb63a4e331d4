"""The connection is really cut: bytes stop passing, whatever the browser believes."""

from collections.abc import Callable

from playwright.sync_api import expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter
from tests.browser.room_page import ARRIVES_WITHIN_S, agree
from tests.parts.proxy import Proxy

StartProxy = Callable[[Server], Proxy]
MS = 1000


def test_both_write_while_one_is_cut_off_and_both_pages_end_equal(
    arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("bridge", "aiko", "ben")
    network = start_proxy(server)
    aiko, ben = enter(community, "aiko", url=network.url), enter(community, "ben")
    aiko.say("Before")
    ben.sees("Before")

    network.cut()
    for number in range(1, 4):
        aiko.say(f"Aiko {number}")
        ben.say(f"Ben {number}")
    ben.has_stored(3)
    assert aiko.texts() == ["Before", "Aiko 1", "Aiko 2", "Aiko 3"]
    aiko.has_arrivals("stored", "waiting", "waiting", "waiting")
    expect(aiko.status).to_contain_text("3 messages are waiting here and will be sent.", timeout=ARRIVES_WITHIN_S * MS)
    network.restore()

    everything = ["Before", "Ben 1", "Ben 2", "Ben 3", "Aiko 1", "Aiko 2", "Aiko 3"]
    aiko.sees(*everything)
    ben.sees(*everything)
    agree(aiko, ben)
    aiko.has_stored(4)
    assert arrange.stored(community.room_id) == everything


def test_the_line_counts_down_tries_at_once_when_told_to_and_goes_when_all_is_well(
    arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("tunnel", "aiko")
    network = start_proxy(server)
    aiko = enter(community, "aiko", url=network.url)
    expect(aiko.status).to_be_hidden()

    network.cut()
    expect(aiko.status).to_contain_text("Reconnecting in", timeout=ARRIVES_WITHIN_S * MS)
    network.restore()
    # It may come back by itself before it is told to.
    try_now = aiko.status.get_by_role("button", name="Try now")
    if try_now.is_visible():
        try_now.dispatch_event("click")

    expect(aiko.status.locator("[data-part=words]")).to_have_text("Up to date", timeout=ARRIVES_WITHIN_S * MS)
    expect(aiko.status).to_be_hidden()


def test_a_half_open_socket_is_found_and_replaced(
    arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("lighthouse", "aiko", "ben")
    network = start_proxy(server)
    aiko, ben = enter(community, "aiko", url=network.url), enter(community, "ben")

    network.stall()
    ben.say("Can you hear me?")
    expect(aiko.status).to_contain_text("Reconnecting", timeout=30 * MS)
    assert aiko.texts() == []
    network.restore()

    aiko.sees("Can you hear me?")


def test_a_lost_answer_doubles_nothing(arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy) -> None:
    community = arrange.community("echo", "aiko", "ben")
    network = start_proxy(server)
    aiko, ben = enter(community, "aiko", url=network.url), enter(community, "ben")

    network.lose_answers()
    aiko.say("Once")
    ben.sees("Once")
    assert aiko.arrivals() != ["stored"]
    network.restore()

    aiko.has_stored(1)
    agree(aiko, ben)
    assert arrange.stored(community.room_id) == ["Once"]


def test_messages_are_sent_while_the_server_is_killed_and_restarted(
    arrange: Arrange, enter: Enter, server: Server
) -> None:
    community = arrange.community("volcano", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    written = [f"Line {number}" for number in range(1, 31)]

    for number, text in enumerate(written):
        if number == 10:
            server.kill()
        if number == 20:
            server.begin_start()
        aiko.say(text)
    server.wait_until_ready()

    aiko.sees(*written)
    ben.sees(*written)
    aiko.has_stored(30)
    agree(aiko, ben)
    assert arrange.stored(community.room_id) == written
