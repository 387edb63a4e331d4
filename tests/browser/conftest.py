"""Opening the pages of different people. Whatever a page complains about fails its test."""

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange, Community
from tests.browser.room_page import RoomPage
from tests.conftest import OpenPage

# Tells of what the Content-Security-Policy forbade, also where the console doesn't.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""

# What Chromium says of a network that a test cut, of a server that it killed, and of a refusal that it wanted.
EXPECTED = ("Failed to load resource", "WebSocket connection to")


class Complaints(list[str]):
    """What the pages of a test complained about."""

    def watch(self, page: Page) -> None:
        page.add_init_script(REPORT_VIOLATIONS)
        page.on("pageerror", lambda error: self.append(f"{error}\n{error.stack}"))
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            self.append(message.text)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What pages complain about; none in the end, or the test fails."""
    complaints = Complaints()
    yield complaints
    assert complaints == []


@pytest.fixture
def arrange(server: Server) -> Arrange:
    return Arrange(server)


class Enter(Protocol):
    """Opens a person's page of a room in a browser profile of their own; `url` is where they find the server."""

    def __call__(self, community: Community, person: str, *, url: str | None = None, **options: Any) -> RoomPage: ...


@pytest.fixture
def enter(server: Server, open_page: OpenPage, complaints: Complaints) -> Enter:
    def enter(community: Community, person: str, *, url: str | None = None, **options: Any) -> RoomPage:
        page = open_page("about:blank", **options)
        complaints.watch(page)
        return go_in(page, community, person, url=url or server.url)

    return enter


def go_in(page: Page, community: Community, person: str, *, url: str) -> RoomPage:
    """Open the room in `page` as that person, and wait until it is live."""
    sign_in(page.context, community.sessions[person])
    page.goto(f"{url}/rooms/{community.slug}/")
    room = RoomPage(page)
    room.is_live()
    return room


def sign_in(context: BrowserContext, session: str) -> None:
    """Cookies know no ports, so this holds through a proxy as well."""
    context.add_cookies([{"name": "sessionid", "value": session, "domain": "127.0.0.1", "path": "/"}])
