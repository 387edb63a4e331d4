"""Writing Japanese: the Enter that confirms a composition is not the one that sends."""

from playwright.sync_api import CDPSession, expect

from chat.drill.parts.waiting import until
from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter
from tests.browser.room_page import RoomPage

# As composition.ts has it: an Enter this soon after a composition's end still belongs to it.
CONFIRMS_WITHIN_MS = 40


def compose(cdp: CDPSession, text: str) -> None:
    cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})


def press_enter(cdp: CDPSession, *, key_code: int) -> None:
    """229 is what a browser reports for a key that the input method took."""
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code, "nativeVirtualKeyCode": key_code}
    cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})


def wait_after_composition(room: RoomPage) -> None:
    until(
        lambda: room.page.evaluate("performance.now() - window.composedAt") > CONFIRMS_WITHIN_MS,
        within_s=5,
        what="A moment after the composition",
    )


def watch_compositions(room: RoomPage) -> None:
    room.page.evaluate("addEventListener('compositionend', (event) => { window.composedAt = event.timeStamp; })")


def test_enter_within_a_composition_confirms_and_sends_nothing(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("study", "aiko")
    aiko = enter(community, "aiko")
    cdp = aiko.page.context.new_cdp_session(aiko.page)
    watch_compositions(aiko)
    aiko.composer.focus()

    compose(cdp, "とど")
    compose(cdp, "届く")
    press_enter(cdp, key_code=229)
    cdp.send("Input.insertText", {"text": "届く"})
    expect(aiko.composer).to_have_value("届く")
    assert aiko.texts() == []

    wait_after_composition(aiko)
    aiko.composer.press("Enter")
    aiko.sees("届く")
    aiko.has_stored(1)
    assert arrange.stored(community.room_id) == ["届く"]


def test_an_enter_that_says_it_composes_sends_nothing(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("annex", "aiko")
    aiko = enter(community, "aiko")
    cdp = aiko.page.context.new_cdp_session(aiko.page)
    aiko.page.evaluate(
        "addEventListener('keydown', (event) => { window.enter = [event.key, event.isComposing]; }, {capture: true})"
    )
    aiko.composer.focus()

    compose(cdp, "かな")
    press_enter(cdp, key_code=13)

    assert aiko.page.evaluate("window.enter") == ["Enter", True]
    assert aiko.texts() == []
    expect(aiko.composer).to_have_value("かな")


def test_safaris_enter_after_the_end_of_a_composition_sends_nothing(arrange: Arrange, enter: Enter) -> None:
    """Safari ends the composition first and reports the Enter that ended it afterwards, as an ordinary key."""
    community = arrange.community("loft", "aiko")
    aiko = enter(community, "aiko")
    cdp = aiko.page.context.new_cdp_session(aiko.page)
    watch_compositions(aiko)
    aiko.composer.evaluate(
        """(field) => field.addEventListener("compositionend", () => queueMicrotask(() =>
             field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true}))))"""
    )
    aiko.composer.focus()

    compose(cdp, "届く")
    cdp.send("Input.insertText", {"text": "届く"})
    expect(aiko.composer).to_have_value("届く")
    assert aiko.texts() == []

    wait_after_composition(aiko)
    aiko.composer.press("Enter")
    aiko.sees("届く")


def test_shift_and_enter_break_the_line(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("nook", "aiko")
    aiko = enter(community, "aiko")

    aiko.composer.press_sequentially("one")
    aiko.composer.press("Shift+Enter")
    aiko.composer.press_sequentially("two")
    expect(aiko.composer).to_have_value("one\ntwo")
    assert aiko.texts() == []

    aiko.composer.press("Enter")
    aiko.sees("one\ntwo")
