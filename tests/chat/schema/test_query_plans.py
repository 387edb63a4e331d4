"""How the database finds a page: it seeks in an index, and reads no more of a long room than the page shows."""

import json
from typing import Any

import pytest
from django.db import connection, transaction

from chat.models import Message, Room, User
from chat.schema import rows
from chat.schema.paging import Window
from tests.benchmarks import filling
from tests.chat.schema.arranging import person, room
from tests.chat.schema.asking import queries

LENGTH = 5_000
MIDDLE = LENGTH // 2
PAGE = 50

WINDOWS = {
    "the newest page": Window(PAGE, forward=False),
    "the oldest page": Window(PAGE),
    "a page backward from the middle": Window(PAGE, forward=False, before=MIDDLE),
    "a page forward from the middle": Window(PAGE, after=MIDDLE),
    "what lies between two places": Window(PAGE, after=MIDDLE, before=MIDDLE + PAGE),
}


@pytest.fixture
def long_room(database: str) -> Room:
    """A room of 5,000 messages in a database that knows how its rows are spread."""
    people: list[User] = [person() for _ in range(3)]
    place = room(*people)
    filling.fill(place, LENGTH, people)
    filling.settle()
    return place


def read(place: Room, window: Window) -> tuple[list[Message], str]:
    """The page, and the one statement that read it."""
    with queries() as made:
        [part] = rows.message_slices([place.pk], window=window).values()
    [query] = made.captured_queries
    return part.rows, query["sql"]


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_page_of_a_long_room_is_read_from_its_place_in_the_index(long_room: Room, window: Window) -> None:
    shown, statement = read(long_room, window)
    assert 0 < len(shown) <= PAGE
    assert EXPLAIN[connection.vendor](statement, window) == "seeks"


def _sqlite(statement: str, window: Window) -> str:
    """SQLite doesn't count rows; it says which terms bound its search of the index."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        steps = [str(row[3]) for row in cursor.fetchall()]
    [search] = [step for step in steps if "chat_message" in step]
    bounds = "room_id=? AND seq>?" + (" AND seq<?" if window.before is not None else "")
    # The index of a constraint has a name of SQLite's own; its columns tell which it is.
    if not (search.startswith("SEARCH chat_message USING INDEX") and search.endswith(f"({bounds})")):
        return search
    # A second condition on seq would be tried on each row between the index's bound and the page.
    if statement.count('"chat_message"."seq" >') != 1 or any("TEMP B-TREE" in step for step in steps):
        return statement
    return "seeks"


def _postgresql(statement: str, window: Window) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        [[explained]] = cursor.fetchall()
    plan = explained[0] if isinstance(explained, list) else json.loads(explained)[0]
    scans = [node for node in _nodes(plan["Plan"]) if node.get("Relation Name") == "chat_message"]
    read = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans)
    indexes = {node.get("Index Name") for node in scans}
    return "seeks" if read <= PAGE + 1 and indexes == {"message_room_seq"} else json.dumps(plan)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(inner for part in plan.get("Plans", ()) for inner in _nodes(part))]


EXPLAIN = {"sqlite": _sqlite, "postgresql": _postgresql}
