"""Peers that are somebody leave nothing behind either: with floods of what is asked, and values that are nobody's."""

import pytest

from tests.hostile.aftermath import assert_nothing_is_left
from tests.hostile.attacks import Attack, floods, values
from tests.hostile.target import Target


@pytest.mark.parametrize("attack", [*floods.attack, *values.attack], ids=lambda attack: attack.__name__)
async def test_nothing_is_left_of_an_attack(target: Target, attack: Attack) -> None:
    await assert_nothing_is_left(target, attack)
