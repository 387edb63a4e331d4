"""After each attack the server is as it was before: in memory, in tasks, and in how fast it serves the next client."""

import pytest

from tests.hostile.attacks import Attack, floods, frames, handshakes, requests, values
from tests.hostile.target import Target

MAX_GROWTH = 0.02
NEXT_CLIENT_LIMIT_S = 0.1

ATTACKS = [*frames.attack, *handshakes.attack, *requests.attack, *floods.attack, *values.attack]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_nothing_is_left_of_an_attack(target: Target, attack: Attack) -> None:
    said = len(target.server.log)
    before = target.inside()
    await attack(target)  # what is made once and kept, is made now
    await target.at_rest(before)
    settled = target.resident_bytes()
    for _ in range(2):
        await attack(target)
        assert await target.next_client_s(NEXT_CLIENT_LIMIT_S) < NEXT_CLIENT_LIMIT_S
    await target.at_rest(before)
    grown = target.resident_bytes() / settled - 1
    assert grown < MAX_GROWTH, f"{settled / 2**20:.1f} MiB grew by {grown:.1%}"
    assert "Traceback" not in target.server.log[said:]
