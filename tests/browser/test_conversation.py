"""Two people talk, in two browsers."""

from playwright.sync_api import expect

from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter
from tests.browser.room_page import agree


def test_what_one_writes_the_other_reads_at_once_and_in_order(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("garden", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")

    aiko.say("Good morning")
    ben.sees("Good morning")
    ben.say("おはようございます")
    aiko.sees("Good morning", "おはようございます")
    aiko.say("two\nlines")

    ben.sees("Good morning", "おはようございます", "two\nlines")
    aiko.has_stored(2)
    ben.has_stored(1)
    agree(aiko, ben)
    assert arrange.stored(community.room_id) == ["Good morning", "おはようございます", "two\nlines"]


def test_what_others_write_is_read_out_and_ones_own_is_not(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("terrace", "aiko", "ben", messages=2)
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    read_out = ben.page.locator("[data-announcer][aria-live=polite]")
    expect(read_out).to_be_empty()

    aiko.say("It is *warm* here")
    expect(read_out).to_have_text("Aiko: It is *warm* here")
    ben.say("I am coming")
    ben.has_stored(1)

    expect(read_out).to_have_text("Aiko: It is *warm* here")


def test_edits_deletions_and_reactions_reach_the_other_page(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("kitchen", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    aiko.say("Tea at five")
    aiko.say("Never mind")
    ben.sees("Tea at five", "Never mind")

    aiko.act("Tea at five", "Edit")
    expect(aiko.composer).to_have_value("Tea at five")
    aiko.say("Tea at six")
    expect(ben.row("Tea at six").locator("[data-part=edited]")).to_be_visible()

    aiko.act("Never mind", "Delete")
    aiko.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(ben.deleted).to_be_visible()

    ben.act("Tea at six", "React")
    ben.row("Tea at six").get_by_role("button", name="👍").first.click()
    pill = aiko.row("Tea at six").locator(".reaction")
    expect(pill).to_have_text("👍 1")
    expect(pill).to_have_attribute("aria-pressed", "false")
    pill.click()
    expect(ben.row("Tea at six").locator(".reaction")).to_have_text("👍 2")
    aiko.row("Tea at six").locator(".reaction").click()
    expect(ben.row("Tea at six").locator(".reaction")).to_have_text("👍 1")


def test_a_reply_shows_what_it_answers_and_leads_there(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("library", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    aiko.say("Where is the ladder?")
    ben.sees("Where is the ladder?")

    ben.act("Where is the ladder?", "Reply")
    expect(ben.page.get_by_text("Reply to Aiko")).to_be_visible()
    ben.say("Behind the door")

    aiko.sees("Where is the ladder?", "Behind the door")
    quote = aiko.row("Behind the door").locator(".quote")
    expect(quote).to_contain_text("Where is the ladder?")
    quote.click()
    expect(aiko.row("Where is the ladder?")).to_be_focused()


def test_who_writes_is_told_to_the_others(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("porch", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")

    ben.composer.press_sequentially("Wait")
    expect(aiko.page.locator(".composer__typing")).to_have_text("Ben is writing")

    ben.say("Wait for me")
    expect(aiko.page.locator(".composer__typing")).to_have_text("")


def test_what_is_unread_stands_in_the_list_until_it_is_read(arrange: Arrange, enter: Enter) -> None:
    first = arrange.community("attic", "aiko", "ben")
    second = arrange.community("cellar", "carla", "dan")
    aiko = enter(first, "aiko")
    attic, cellar = aiko.in_list("Attic"), aiko.in_list("Cellar")
    expect(cellar).to_have_count(0)

    arrange.add(second.room_id, first.user_ids["aiko"], by=second.user_ids["carla"])
    arrange.send(second.room_id, second.user_ids["dan"], "Is anybody down here?", "Hello?")
    expect(cellar).to_have_accessible_name("Cellar 2 unread")

    cellar.click()
    aiko.sees("Is anybody down here?", "Hello?")
    # The server has drawn the messages; that they were looked at is for the page's script to say.
    expect(cellar).to_have_accessible_name("Cellar")
    attic.click()
    expect(attic).to_have_attribute("aria-current", "page")
    expect(cellar).to_have_accessible_name("Cellar")


def test_a_draft_survives_a_reload(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("desk", "aiko")
    aiko = enter(community, "aiko")
    aiko.composer.fill("Half a thou")

    aiko.page.reload()

    expect(aiko.composer).to_have_value("Half a thou")
    aiko.say("Half a thought")
    aiko.has_stored(1)
    aiko.page.reload()
    expect(aiko.composer).to_have_value("")


def test_whoever_reads_a_public_room_can_join_it_to_write(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("square", "aiko", messages=1)
    other = arrange.community("alley", "ben")
    community.sessions["ben"] = other.sessions["ben"]
    ben = enter(community, "ben")
    ben.sees("Message 1")
    expect(ben.composer).to_be_hidden()

    with ben.page.expect_navigation():
        ben.page.get_by_role("button", name="Join to write").click()
    ben.is_live()

    ben.say("Hello, square")
    ben.has_stored(1)
