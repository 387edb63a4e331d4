"""The plan of a drill."""

from collections import Counter

import pytest

from chat.drill.faults import FAULTS, KILLS
from chat.drill.faults.fault import Lane
from chat.drill.installation import Setup
from chat.drill.schedule import FaultUnknown, Planned, chosen, schedule

EVERYTHING = Setup("postgres", "redis", 3, pages=4)
EMBEDDED = Setup()


def plan(seed: int, *, minutes: float = 12, kills: int = 50, setup: Setup = EVERYTHING) -> list[Planned]:
    return schedule(seed, lasts_s=minutes * 60, faults=chosen("all", setup), kills=kills)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_every_fault_comes_once_and_kills_as_often_as_wished_and_a_tenth_of_that_at_each_point() -> None:
    times = Counter(planned.name for planned in plan(7))
    kills = {kind.name for kind in KILLS}
    assert {name: times[name] for name in kills} == {name: 50 if name == "kill" else 5 for name in kills}
    assert {name: count for name, count in times.items() if name not in kills} == dict.fromkeys(
        FAULTS.keys() - kills, 1
    )


def test_faults_of_one_lane_never_overlap_and_end_within_the_time() -> None:
    for lane in Lane:
        ends = 0.0
        for planned in plan(7, minutes=14):
            if FAULTS[planned.name].lane is lane:
                assert planned.at_s >= ends
                ends = planned.at_s + planned.lasts_s
        assert ends <= 14 * 60


def test_a_short_drill_shortens_its_faults_down_to_their_least() -> None:
    for planned in plan(7, minutes=1, kills=5):
        kind = FAULTS[planned.name]
        assert kind.least_s <= planned.lasts_s <= kind.lasts_s


def test_an_embedded_installation_is_spared_what_it_has_not() -> None:
    names = {planned.name for planned in plan(7, setup=EMBEDDED)}
    assert not {name for name in names if name.startswith(("redis", "postgres"))}
    assert not {"frozen-tab", "offline-day"} & names
    assert {"kill", "restore", "disk-full", "locked"} <= names


def test_a_server_that_was_given_is_not_restarted() -> None:
    given = Setup("postgres://somewhere/else", "redis://somewhere/0", 3)
    names = {kind.name for kind in chosen("all", given)}
    assert not {"postgres-restarted", "postgres-crowded", "redis-stopped", "redis-restarted", "redis-flushed"} & names
    assert {"postgres-terminated", "redis-black-hole"} <= names


@pytest.mark.parametrize("wanted", ["earthquake", "cut,earthquake", "redis-stopped"])
def test_a_fault_that_there_is_not_is_refused(wanted: str) -> None:
    with pytest.raises(FaultUnknown):
        chosen(wanted, EMBEDDED)


def test_chosen_faults_keep_their_names() -> None:
    assert [kind.name for kind in chosen("cut,kill", EMBEDDED)] == ["cut", "kill"]
    assert chosen("none", EVERYTHING) == []
