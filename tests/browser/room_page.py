"""A room's page in a browser, as its reader finds it."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, Route, expect

from chat.drill.parts.waiting import until

ARRIVES_WITHIN_S = 15


@dataclass(frozen=True, slots=True)
class RoomPage:
    """What a person sees and does on the page of a room."""

    page: Page

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message to")

    @property
    def status(self) -> Locator:
        return self.page.locator("[data-status]")

    @property
    def rows(self) -> Locator:
        return self.page.locator("[data-message-id]")

    @property
    def deleted(self) -> Locator:
        """What is left of deleted messages."""
        return self.rows.locator("[data-part=deleted]:visible")

    def row(self, text: str) -> Locator:
        """The message with exactly this text."""
        return self.rows.filter(has=self.page.locator(".prose").get_by_text(text, exact=True))

    def in_list(self, room_name: str) -> Locator:
        """The room's line in the list of rooms."""
        return self.page.get_by_role("navigation", name="Rooms").get_by_role("link", name=room_name)

    def say(self, text: str) -> None:
        """Write and press Enter."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def ids(self) -> list[str]:
        """The ids of the shown messages, from top to bottom."""
        ids: list[str] = self.rows.evaluate_all("rows => rows.map(row => row.dataset.messageId)")
        return ids

    def texts(self) -> list[str]:
        """The texts of the shown messages, from top to bottom."""
        return [text.strip() for text in self.rows.locator(".prose").all_text_contents()]

    def arrivals(self) -> list[str]:
        """How far one's own messages have come, from top to bottom."""
        states: list[str] = self.rows.locator(".arrival:visible").evaluate_all(
            "all => all.map(one => one.dataset.state)"
        )
        return states

    def has_arrivals(self, *states: str) -> None:
        """Wait until one's own messages have come so far; one that is tried again and again is on its way at times."""
        _wait(lambda: self.arrivals() == list(states), lambda: f"{list(states)}, not {self.arrivals()}")

    def sees(self, *texts: str) -> None:
        """Wait until exactly these messages are shown, in this order."""
        _wait(lambda: self.texts() == list(texts), lambda: f"{list(texts)} are shown, not {self.texts()}")

    def has_stored(self, count: int) -> None:
        """Wait until so many messages of one's own are shown, all of them stored."""
        _wait(
            lambda: self.arrivals() == ["stored"] * count,
            lambda: f"{count} stored messages of one's own, not {self.arrivals()}",
        )

    def is_live(self) -> None:
        """Wait until the page is connected."""
        expect(self.page.locator('[data-connection-dot][data-state="live"]')).to_be_attached(
            timeout=ARRIVES_WITHIN_S * 1000
        )

    def act(self, text: str, action: str) -> None:
        """Choose an action of the message with this text."""
        row = self.row(text)
        row.hover()
        row.get_by_role("button", name=action, exact=True).click()


def agree(*pages: RoomPage) -> None:
    """Wait until all pages show the same stored messages in the same order, each once."""

    def same() -> bool:
        shown = [page.ids() for page in pages]
        stored = all(page.page.locator('[data-message-id][data-seq=""]').count() == 0 for page in pages)
        return stored and all(ids == shown[0] and len(ids) == len(set(ids)) for ids in shown)

    _wait(same, lambda: f"the pages agree, they show {[page.texts() for page in pages]}")


class LostSends:
    """Loses what a page sends, and nothing else, until told otherwise.

    The route stays: a request that it holds while it is taken away would never be answered.
    """

    def __init__(self, page: Page) -> None:
        self._lost = True
        self._page = page
        page.route("**/graphql", self._decide)

    def end(self) -> None:
        """Let through what comes from now on, and let the browser say so, so that nobody waits for the next try."""
        self._lost = False
        self._page.evaluate("dispatchEvent(new Event('online'))")

    def _decide(self, route: Route) -> None:
        if self._lost:
            route.abort()
        else:
            route.continue_()


def _wait(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    try:
        until(condition, within_s=ARRIVES_WITHIN_S, what="")
    except TimeoutError:
        raise AssertionError(f"Not within {ARRIVES_WITHIN_S} s: {what()}") from None
