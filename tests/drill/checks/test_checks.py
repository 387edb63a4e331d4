"""Each check says nothing where all is right, and each mistake is seen by exactly the checks that are there for it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.drill.checks import CHECKS, check
from chat.drill.history import Fault, History
from tests.drill.checks.damage import MISTAKES
from tests.drill.checks.world import CALM, EVERYTHING, history_of

seeds = st.integers(0, 2**32)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_no_check_objects_to_a_history_that_keeps_all_promises(seed: int) -> None:
    outcomes = check(history_of(EVERYTHING, seed))

    assert {outcome.name: outcome.failures for outcome in outcomes if outcome.failures} == {}


def test_every_check_has_looked_at_something_in_the_course_of_a_few_histories() -> None:
    looked_at = dict.fromkeys((promise.NAME for promise in CHECKS), 0)

    for seed in range(5):
        for outcome in check(history_of(EVERYTHING, seed)):
            looked_at[outcome.name] += outcome.checked

    assert all(looked_at.values()), looked_at


@pytest.mark.parametrize("name", MISTAKES)
@settings(max_examples=3, deadline=None)
@given(seed=seeds)
def test_a_mistake_is_seen_by_exactly_the_checks_that_are_there_for_it(name: str, seed: int) -> None:
    right = history_of(CALM, seed)
    wrong = MISTAKES[name].damage(right, Random(seed))

    outcomes = check(History(sorted(wrong, key=lambda record: record.t)))

    assert {outcome.name for outcome in outcomes if outcome.failures} == MISTAKES[name].breaks, outcomes


@pytest.mark.parametrize(("began", "ended", "excused"), [(20.1, 20.9, False), (20.1, 40.0, True)])
def test_a_fault_excuses_who_was_banned_and_hears_on_no_longer_than_it_lasts(
    began: float, ended: float, excused: bool
) -> None:
    wrong = MISTAKES["one who was banned heard on"].damage(history_of(CALM, 1), Random(1))
    wrong += [Fault(began, 1, "restart", "begin", excuses="all"), Fault(ended, 1, "restart", "end")]

    outcomes = check(History(sorted(wrong, key=lambda record: record.t)))

    (shut_out,) = [outcome for outcome in outcomes if outcome.name == "shut-out"]
    assert shut_out.holds == excused
