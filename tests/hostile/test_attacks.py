"""After each attack the server is as it was before: in memory, in tasks, and in how fast it serves the next client."""

import pytest

from tests.hostile.attacks import Attack, floods, frames, handshakes, requests, values
from tests.hostile.inside import Inside
from tests.hostile.target import Target

MAX_GROWTH = 0.02
NEXT_CLIENT_LIMIT_S = 0.1
TRIES = 3  # what leaks does so each time; caches of the database and heaps that are cut up come to an end

ATTACKS = [*frames.attack, *handshakes.attack, *requests.attack, *floods.attack, *values.attack]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_nothing_is_left_of_an_attack(target: Target, attack: Attack) -> None:
    said = len(target.server.log)
    before = target.inside()
    await attack(target)  # what is made once and kept, is made now
    await target.at_rest(before)
    grown: list[str] = []
    while not grown or (grown[-1] and len(grown) < TRIES):
        grown.append(await _growth_of_two_rounds(target, attack, before))
    assert not grown[-1], f"it grows each time: {grown}"
    assert "Traceback" not in target.server.log[said:]


async def _growth_of_two_rounds(target: Target, attack: Attack, before: Inside) -> str:
    """How much more memory the server has after them; empty where it is as good as none."""
    settled = target.resident_bytes()
    for _ in range(2):
        await attack(target)
        assert await target.next_client_s(NEXT_CLIENT_LIMIT_S) < NEXT_CLIENT_LIMIT_S
    await target.at_rest(before)
    grown = target.resident_bytes() / settled - 1
    return "" if grown < MAX_GROWTH else f"{settled / 2**20:.1f} MiB grew by {grown:.1%}"
