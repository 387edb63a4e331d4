"""What an attack leaves: a server as it was, in memory, in tasks, and in how fast it serves the next client."""

from tests.hostile.attacks import Attack
from tests.hostile.inside import Inside
from tests.hostile.target import Target

MAX_GROWTH = 0.02
NEXT_CLIENT_LIMIT_S = 0.1
TRIES = 3  # what leaks does so each time; caches of the database and heaps that are cut up come to an end


async def assert_nothing_is_left(target: Target, attack: Attack) -> None:
    """Attack, and look at the server after the first round, in which all is made that is made once and kept."""
    said = len(target.server.log)
    before = target.inside()
    await attack(target)
    await target.at_rest(before)
    grown: list[str] = []
    while not grown or (grown[-1] and len(grown) < TRIES):
        grown.append(await _growth_of_two_rounds(target, attack, before))
    assert not grown[-1], f"it grows each time: {grown}"
    assert "Traceback" not in target.server.log[said:], target.server.log[said:][-3000:]


async def _growth_of_two_rounds(target: Target, attack: Attack, before: Inside) -> str:
    """How much more memory the server has after them; empty where it is as good as none."""
    settled = target.resident_bytes()
    for _ in range(2):
        await attack(target)
        served_s = await target.next_client_s(NEXT_CLIENT_LIMIT_S)
        assert served_s < NEXT_CLIENT_LIMIT_S, f"the next client was served in {served_s:.3f} s"
    await target.at_rest(before)
    grown = target.resident_bytes() / settled - 1
    return "" if grown < MAX_GROWTH else f"{settled / 2**20:.1f} MiB grew by {grown:.1%}"
