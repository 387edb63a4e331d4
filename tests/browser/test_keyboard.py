"""Everything can be done from the keyboard, in the page's language."""

from playwright.sync_api import expect

from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter


def test_arrows_lead_among_messages_and_letters_act_on_them(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("piano", "aiko", "ben", messages=3)
    ben = enter(community, "ben")
    ben.composer.focus()

    ben.page.keyboard.press("Shift+Tab")
    ben.page.keyboard.press("ArrowUp")
    expect(ben.row("Message 3")).to_be_focused()
    ben.page.keyboard.press("ArrowUp")
    expect(ben.row("Message 2")).to_be_focused()
    ben.page.keyboard.press("r")

    expect(ben.composer).to_be_focused()
    expect(ben.page.get_by_text("Reply to Aiko")).to_be_visible()
    ben.page.keyboard.press("Escape")
    expect(ben.page.get_by_text("Reply to Aiko")).to_be_hidden()
    expect(ben.composer).to_be_focused()


def test_up_in_an_empty_composer_edits_ones_own_last_message(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("organ", "aiko")
    aiko = enter(community, "aiko")
    aiko.say("A tpyo")
    aiko.has_stored(1)

    aiko.composer.press("ArrowUp")
    expect(aiko.composer).to_have_value("A tpyo")
    aiko.say("A typo")

    aiko.sees("A typo")
    aiko.has_stored(1)
    expect(aiko.composer).to_have_value("")


def test_an_edit_gives_back_what_was_being_written(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("flute", "aiko")
    aiko = enter(community, "aiko")
    aiko.say("Said")
    aiko.has_stored(1)
    aiko.composer.fill("Half writ")

    aiko.act("Said", "Edit")
    aiko.page.reload()
    expect(aiko.composer).to_have_value("Said")
    aiko.composer.press("Escape")

    expect(aiko.composer).to_have_value("Half writ")


def test_the_question_mark_lists_the_keys_and_escape_closes_the_list(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("drum", "aiko")
    aiko = enter(community, "aiko")
    aiko.page.locator("[data-timeline-view]").focus()

    aiko.page.keyboard.press("?")
    keys = aiko.page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Break the line")
    aiko.page.keyboard.press("Escape")

    expect(keys).to_be_hidden()


def test_the_page_speaks_japanese_to_whoever_reads_japanese(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("koto", "aiko")
    aiko = enter(community, "aiko", locale="ja-JP")

    writing = aiko.page.get_by_role("textbox", name="Koto へのメッセージ")
    writing.fill("こんにちは")
    writing.press("Enter")

    expect(aiko.rows.last.locator("[data-part=arrival-name]")).to_have_text("届きました")
    expect(aiko.page.get_by_role("log")).to_have_accessible_name("Koto のメッセージ")
