"""What people type, brought into one form and checked: message texts, names, topics, slugs."""

import re
import unicodedata

from django.conf import settings
from django.db.models import CharField
from django.utils.text import slugify

from chat.models import Room, User
from chat.reasons import Reason
from realtime.errors import BadUserInput

# Addresses of pages that a room's slug must not shadow.
RESERVED_SLUGS = frozenset({"new", "direct", "join", "search", "settings", "admin", "accounts", "graphql", "static"})

_LINE_ENDS = re.compile(r"\r\n?")
_BLANK_RUN = re.compile(r"\s+")
_SLUG = re.compile(r"[-\w]+\Z")
# Characters that show nothing though Unicode counts them as letters or symbols: Hangul fillers, the blank Braille cell.
_SEEN_AS_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# They turn the direction of what follows: in a name, of the text around it.
_DIRECTION_TURNERS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})


def normalise_body(text: str) -> str:
    """The text with line feeds as its only line ends and nothing blank after its last word."""
    return _LINE_ENDS.sub("\n", text).rstrip()


def fault_of_body(body: str) -> BadUserInput | None:
    """Why a normalised text can't be a message: None where it can.

    It may show nothing, have more than `settings.MAX_MESSAGE_CHARS` characters, or have characters in it that are no
    text (NUL, half of a surrogate pair).
    """
    if len(body) > settings.MAX_MESSAGE_CHARS:
        return BadUserInput(
            f"expected at most {settings.MAX_MESSAGE_CHARS} characters, got {len(body)}",
            reason=Reason.BODY_TOO_LONG,
            field="body",
        )
    if not _is_storable(body):
        return BadUserInput(
            "expected text, got NUL or half of a surrogate pair in it", reason=Reason.BODY_INVALID, field="body"
        )
    if not _shows_anything(body):
        return BadUserInput("expected a text, got nothing to see", reason=Reason.EMPTY_MESSAGE, field="body")
    return None


def _is_storable(text: str) -> bool:
    """Whether the text can be stored and sent: no NUL (PostgreSQL refuses it), no lone surrogate (UTF-8 does)."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def room_name(text: str) -> str:
    """The name of a room in its normal form.

    Raises:
        BadUserInput: empty, too long, or with control characters.
    """
    return _line(text, most=_most_chars(Room, "name"), reason=Reason.NAME_INVALID, field="name")


def display_name(text: str) -> str:
    """The name that a person is shown by, in its normal form.

    Raises:
        BadUserInput: empty, too long, or with control characters.
    """
    return _line(text, most=_most_chars(User, "display_name"), reason=Reason.NAME_INVALID, field="displayName")


def room_topic(text: str) -> str:
    """A room's topic in its normal form; it may be empty.

    Raises:
        BadUserInput: too long, or with control characters.
    """
    if not text.strip():
        return ""
    return _line(text, most=_most_chars(Room, "topic"), reason=Reason.TOPIC_INVALID, field="topic")


def room_slug(text: str) -> str:
    """A slug that somebody chose, in its normal form: letters and digits of any script, hyphens, underscores.

    Raises:
        BadUserInput: empty, too long, with other characters, or the address of a page.
    """
    slug = unicodedata.normalize("NFKC", text).strip().lower()
    if not _SLUG.match(slug) or len(slug) > _most_chars(Room, "slug"):
        raise BadUserInput(
            f"expected letters, digits, hyphens and underscores, at most {_most_chars(Room, 'slug')}",
            reason=Reason.SLUG_INVALID,
            field="slug",
        )
    if slug in RESERVED_SLUGS:
        raise BadUserInput(f"{slug!r} is the address of a page", reason=Reason.SLUG_TAKEN, field="slug")
    return slug


def slugs_for(name: str) -> "Slugs":
    """The slugs that a room of this name may get, the nicest first."""
    return Slugs(slugify(name, allow_unicode=True) or "room")


class Slugs:
    """An unending supply of slugs from one word: itself, then with -2, -3, …"""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self._count = 2 if stem in RESERVED_SLUGS else 1

    def __iter__(self) -> "Slugs":
        return self

    def __next__(self) -> str:
        suffix = "" if self._count == 1 else f"-{self._count}"
        self._count += 1
        return self._stem[: _most_chars(Room, "slug") - len(suffix)].rstrip("-") + suffix


def _line(text: str, *, most: int, reason: Reason, field: str) -> str:
    line = _BLANK_RUN.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if not _is_storable(line) or any(unicodedata.category(char) == "Cc" or char in _DIRECTION_TURNERS for char in line):
        raise BadUserInput("expected one line of text, got control characters in it", reason=reason, field=field)
    if not _shows_anything(line):
        raise BadUserInput("expected a text, got nothing to see", reason=reason, field=field)
    if len(line) > most:
        raise BadUserInput(f"expected at most {most} characters, got {len(line)}", reason=reason, field=field)
    return line


def _shows_anything(text: str) -> bool:
    return any(unicodedata.category(char) not in _INVISIBLE_CATEGORIES and char not in _SEEN_AS_BLANK for char in text)


def _most_chars(model: type[Room] | type[User], field: str) -> int:
    column = model._meta.get_field(field)
    assert isinstance(column, CharField)
    assert column.max_length is not None
    return column.max_length
