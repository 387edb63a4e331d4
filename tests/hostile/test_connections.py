"""Peers that come no further than their connection leave nothing behind: bad frames, handshakes and requests."""

import pytest

from tests.hostile.aftermath import assert_nothing_is_left
from tests.hostile.attacks import Attack, frames, handshakes, requests
from tests.hostile.target import Target


@pytest.mark.parametrize(
    "attack", [*frames.attack, *handshakes.attack, *requests.attack], ids=lambda attack: attack.__name__
)
async def test_nothing_is_left_of_an_attack(target: Target, attack: Attack) -> None:
    await assert_nothing_is_left(target, attack)
