"""Cursors: opaque to clients, and read back as they were written or not at all."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.cursor import Cursor, CursorInvalid

UNSIGNED = st.integers(0, 2**64 - 1)
CURSORS = st.builds(Cursor, stream_id=UNSIGNED, seq=UNSIGNED, nonce=UNSIGNED)


@given(cursor=CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    text = str(cursor)
    assert re.fullmatch(r"[-\w]{32}", text, re.ASCII), "goes through addresses and GraphQL without escapes"
    assert Cursor.parse(text) == cursor


@given(one=CURSORS, other=CURSORS)
def test_different_places_have_different_cursors(one: Cursor, other: Cursor) -> None:
    assert (str(one) == str(other)) == (one == other)


def parsed(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text)
    except CursorInvalid:
        return None


@given(text=st.text() | st.text(alphabet="AZaz09-_+/= \n", max_size=40) | st.binary(max_size=40).map(repr))
def test_any_other_text_is_no_cursor_and_nothing_worse(text: str) -> None:
    cursor = parsed(text)
    assert cursor is None or str(cursor) == text


@given(cursor=CURSORS, place=st.integers(0, 31), letter=st.characters())
def test_a_cursor_with_one_letter_changed_is_never_the_same_place(cursor: Cursor, place: int, letter: str) -> None:
    text = str(cursor)
    changed = text[:place] + letter + text[place + 1 :]
    assert (parsed(changed) == cursor) == (changed == text)


@given(packed=st.binary(max_size=60).filter(lambda packed: len(packed) != 24))
def test_bytes_of_another_length_are_no_cursor(packed: bytes) -> None:
    with pytest.raises(CursorInvalid):
        Cursor.parse(base64.urlsafe_b64encode(packed).decode())


@pytest.mark.parametrize("text", ["", "\ud800", "é" * 32, "A" * 31, "A" * 33, "A" * 10**6, "=" * 32])
def test_what_comes_from_elsewhere_is_no_cursor(text: str) -> None:
    assert parsed(text) is None
