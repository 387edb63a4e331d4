"""Pages of lists: which part was asked for, opaque cursors, and what lies before and after a page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import graphene
from graphene.types.resolver import attr_resolver

from chat.schema.ids import key_in
from realtime.errors import BadUserInput

MAX_PAGE = 200

Row = TypeVar("Row")


class PageInfo(graphene.ObjectType):
    """Where a page lies in its list."""

    class Meta:
        default_resolver = attr_resolver

    has_next_page = graphene.Boolean(required=True, description="Whether the list goes on after the page's last node.")
    has_previous_page = graphene.Boolean(
        required=True, description="Whether the list has something before the page's first node."
    )
    start_cursor = graphene.String(description="The cursor of the page's first node; null where the page is empty.")
    end_cursor = graphene.String(description="The cursor of the page's last node; null where the page is empty.")

    @staticmethod
    def resolve_has_next_page(page: "Page[Any]", _info: graphene.ResolveInfo) -> bool:
        return page.has_next()

    @staticmethod
    def resolve_has_previous_page(page: "Page[Any]", _info: graphene.ResolveInfo) -> bool:
        return page.has_previous()

    @staticmethod
    def resolve_start_cursor(page: "Page[Any]", _info: graphene.ResolveInfo) -> str | None:
        return page.cursor_of(page.rows[0]) if page.rows else None

    @staticmethod
    def resolve_end_cursor(page: "Page[Any]", _info: graphene.ResolveInfo) -> str | None:
        return page.cursor_of(page.rows[-1]) if page.rows else None


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a keyed list that was asked for: `count` rows between two keys, both exclusive.

    Forward it is the first rows of that range, else the last ones.
    """

    count: int
    forward: bool = True
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of a window in the list's order; `more` tells whether its range goes on beyond them."""

    rows: list[Row]
    more: bool


@dataclass(frozen=True, slots=True)
class Ends:
    """The first and the last key of a list; None where it is empty."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Consecutive rows of a list, in the list's order. What lies around them is asked for only where it is selected."""

    rows: Sequence[Row]
    cursor_of: Callable[[Row], str]
    has_next: Callable[[], bool]
    has_previous: Callable[[], bool]

    @property
    def nodes(self) -> Sequence[Row]:
        return self.rows

    @property
    def edges(self) -> Sequence[Row]:
        """A row serves as its own edge: the edge types read the cursor and the node from it."""
        return self.rows

    @property
    def page_info(self) -> "Page[Row]":
        return self


def page_of(
    part: Slice[Row], window: Window, *, cursor_of: Callable[[Row], str], ends: Callable[[], Ends]
) -> Page[Row]:
    """The page that a window shows.

    Args:
        ends: reads where the whole list begins and ends; called only where the window itself doesn't tell.
    """

    def has_next() -> bool:
        if window.forward and part.more:
            return True
        return window.before is not None and (last := ends().last) is not None and last >= window.before

    def has_previous() -> bool:
        if part.more and not window.forward:
            return True
        return window.after is not None and (first := ends().first) is not None and first <= window.after

    return Page(part.rows, cursor_of, has_next, has_previous)


def page_size(asked: int | None, *, field: str, default: int) -> int:
    """How many nodes a page holds at most.

    Raises:
        BadUserInput: less than one was asked for, or more than MAX_PAGE.
    """
    if asked is None:
        return default
    if not 1 <= asked <= MAX_PAGE:
        raise BadUserInput(f"{field} is between 1 and {MAX_PAGE}, got {asked}", reason="OUT_OF_RANGE", field=field)
    return asked


def write_cursor(*parts: object) -> str:
    """Name a place in a list: the last part is the place, those before it say which list."""
    return base64.urlsafe_b64encode(":".join(map(str, parts)).encode()).decode("ascii")


def read_cursor(text: str, *within: object, field: str) -> str:
    """Read the place from what `write_cursor(*within, place)` wrote.

    Raises:
        BadUserInput: it is no cursor of that list.
    """
    prefix = "".join(f"{part}:" for part in within)
    try:
        written = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error):
        written = ""
    if not written.startswith(prefix) or "\x00" in written:
        raise _cursor_invalid(text, field=field)
    return written.removeprefix(prefix)


def read_key(text: str | None, *within: object, field: str) -> int | None:
    """Read the key from what `write_cursor(*within, key)` wrote; None where no cursor was given.

    Raises:
        BadUserInput: it is no cursor of that list.
    """
    if text is None:
        return None
    key = key_in(read_cursor(text, *within, field=field))
    if key is None:
        raise _cursor_invalid(text, field=field)
    return key


def _cursor_invalid(text: str, *, field: str) -> BadUserInput:
    return BadUserInput(f"{field} is no cursor of this list: {text[:40]!r}", reason="CURSOR_INVALID", field=field)
