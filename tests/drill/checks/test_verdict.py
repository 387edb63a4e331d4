"""The verdict on a whole run, and how it is told."""

import io
import json
from random import Random

import pytest
from rich.console import Console

from chat.drill.checks.lives import lives
from chat.drill.history import (
    Called,
    Committed,
    Connection,
    Fault,
    Fresh,
    History,
    Lagged,
    Phase,
    Record,
    State,
)
from chat.drill.report import as_json, latency, print_report
from chat.drill.verdict import BROKEN, HOLDS, VOID, judge
from tests.drill.checks.damage import MISTAKES
from tests.drill.checks.world import CALM, EVERYTHING, history_of

SEED = 2


def _with(history: History, *records: Record) -> History:
    return History(sorted([*history.records, *records], key=lambda record: record.t))


def _doubled(history: History) -> History:
    wrong = MISTAKES["an event came twice"].damage(history, Random(SEED))
    return History(sorted(wrong, key=lambda record: record.t))


@pytest.fixture
def right() -> History:
    return history_of(CALM, SEED)


def _printed(history: History, width: int = 80) -> str:
    file = io.StringIO()
    print_report(history, judge(history), Console(file=file, width=width))
    return file.getvalue()


def test_a_run_in_which_all_holds_ends_with_0() -> None:
    verdict = judge(history_of(EVERYTHING, SEED))

    assert (verdict.status, verdict.reasons) == (HOLDS, [])


def test_a_broken_promise_ends_the_run_with_1(right: History) -> None:
    verdict = judge(_doubled(right))

    assert verdict.status == BROKEN
    assert [outcome.name for outcome in verdict.broken] == ["no-duplicate"]


def test_a_fault_that_nobody_saw_bite_fails_the_run(right: History) -> None:
    verdict = judge(_with(right, Fault(9.0, 1, "cut", "begin"), Fault(10.0, 1, "cut", "end")))

    assert (verdict.status, verdict.reasons) == (BROKEN, ["Fault without a bite: cut."])


def test_a_run_whose_own_loop_was_late_is_void(right: History) -> None:
    verdict = judge(_with(right, Lagged(9.0, "loop", 0.101)))

    assert verdict.status == VOID
    assert verdict.reasons == ["Void: the drill itself was late 1 times, by up to 0.10 s (loop)."]


def test_a_tenth_of_a_second_is_not_too_late(right: History) -> None:
    assert judge(_with(right, Lagged(9.0, "loop", 0.1))).status == HOLDS


def test_a_history_that_breaks_off_is_void(right: History) -> None:
    records = [record for record in right.records if not (isinstance(record, Phase) and record.name == "end")]

    assert judge(History(records)).status == VOID


def test_a_fault_that_never_ended_makes_the_run_void(right: History) -> None:
    verdict = judge(_with(right, Fault(9.0, 1, "cut", "begin"), Fault(9.5, 1, "cut", "bit", "3 sockets")))

    assert verdict.reasons == ["Void: the fault cut (1) never ended."]


def test_a_promise_that_had_nothing_to_look_at_is_named(right: History) -> None:
    unasked = History([record for record in right.records if not isinstance(record, Called)])

    assert [outcome.name for outcome in judge(unasked).not_shown] == ["no-loss", "fifo", "real-time"]
    assert "Not shown: no-loss, fifo, real-time." in _printed(unasked)


def test_a_state_that_nobody_could_fetch_anew_breaks_the_promise(right: History) -> None:
    (fresh, *_) = right.of(Fresh)
    verdict = judge(History([record for record in right.records if record is not fresh]))

    assert [outcome.name for outcome in verdict.broken] == ["state"]


def test_a_state_that_was_taken_before_all_was_quiet_is_not_compared(right: History) -> None:
    verdict = judge(_with(right, Committed(right.of(State)[0].t - 1.0, 0, 1, "a late event")))

    assert "state" in [outcome.name for outcome in verdict.not_shown]


def _during(history: History, fault: str, code: int, *, scope: str, path: str = "") -> list[str]:
    """The harm where a client's WebSocket is closed with this code during a fault, while its path is damaged or not."""
    life = next(each for each in lives(history).values() if each.links[0].began < 9.0 and each.links[0].ended > 11.0)
    server = str(life.links[0].server) if scope == "its server" else scope
    records: list[Record] = [
        Fault(9.0, 1, fault, "begin", scope=[server]),
        Fault(9.1, 1, fault, "bit"),
        Connection(10.0, life.name, "lost", code),
        Fault(11.0, 1, fault, "end"),
    ]
    if path:
        records += [
            Fault(9.5, 2, "cut", "begin", excuses="paths", scope=[life.opened.path]),
            Fault(9.9, 2, "cut", "end"),
        ]
    return judge(_with(history, *records)).harmful


@pytest.mark.parametrize(
    ("fault", "scope", "code", "harms"),
    [
        ("redis-stopped", "", 1012, True),
        ("redis-black-hole", "", 1006, True),
        ("drain", "its server", 1006, True),
        ("drain", "its server", 1000, True),
        ("drain", "its server", 1012, False),
        ("drain", "another", 1006, False),
        ("kill", "its server", 1006, False),
    ],
)
def test_a_websocket_that_a_fault_must_not_drop_fails_the_run(
    right: History, fault: str, scope: str, code: int, harms: bool
) -> None:
    assert bool(_during(right, fault, code, scope=scope)) == harms
    assert _during(right, fault, code, scope=scope, path="damaged as well") == []


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_keeps_within_the_terminal_and_has_no_colour_where_it_is_piped(width: int) -> None:
    text = _printed(history_of(EVERYTHING, SEED), width)

    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    for word in ("no-loss", "liveness", "send", "cut", "p99", "holds"):
        assert word in text


def test_the_first_failures_are_in_the_table(right: History) -> None:
    text = _printed(_doubled(right), 120)

    assert "broken 1 times" in text
    assert "2 times" in text


def test_machines_get_the_same_as_json() -> None:
    history = history_of(EVERYTHING, SEED)

    told = json.loads(json.dumps(as_json(history, judge(history))))

    assert told["status"] == 0
    assert [promise["name"] for promise in told["promises"]][:3] == ["no-loss", "no-duplicate", "gapless"]
    assert all(promise["holds"] for promise in told["promises"])
    assert told["delivery"]["quiet"]["count"] > 0


def test_percentiles_are_by_nearest_rank() -> None:
    found = latency(each / 100 for each in range(1, 201))

    assert (found.count, found.p50, found.p99, found.max) == (200, 1.0, 1.98, 2.0)
