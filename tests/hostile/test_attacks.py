"""After each attack the server is as it was before: in memory, in tasks, and in how fast it serves the next client."""

import pytest

from tests.hostile.attacks import Attack, floods, frames, handshakes
from tests.hostile.target import Target

MAX_GROWTH = 0.02
NEXT_CLIENT_LIMIT_S = 0.1

ATTACKS = [*frames.attack, *handshakes.attack, *floods.attack]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_nothing_is_left_of_an_attack(target: Target, attack: Attack) -> None:
    said = len(target.server.log)
    await target.serve_next_client()
    before = target.inside()
    await attack(target)  # what is made once and kept, is made now
    await target.at_rest(before)
    settled = target.resident_bytes()
    for _ in range(2):
        await attack(target)
        assert await target.serve_next_client() < NEXT_CLIENT_LIMIT_S
        await target.at_rest(before)
    grown = target.resident_bytes() / settled - 1
    print(f"{attack.__name__}: {settled / 2**20:.1f} MiB {grown:+.2%}")
    assert grown < MAX_GROWTH
    assert "Traceback" not in target.server.log[said:]
