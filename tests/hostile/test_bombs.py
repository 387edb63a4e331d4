"""Questions that would cost much are answered with an error, and cost little."""

from statistics import median

import pytest

from tests.hostile.asking import WAYS, Way
from tests.hostile.bombs import BOMBS
from tests.hostile.target import Target

CPU_LIMIT_S = 0.05
TRIES = 3


@pytest.mark.parametrize("parameters", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_bomb_is_answered_with_an_error_and_costs_little(target: Target, way: Way, parameters: str) -> None:
    said = len(target.server.log)
    costs = []
    async with way(target) as ask:
        for _ in range(TRIES):
            before = target.cpu_s()
            answer = await ask(parameters)
            costs.append(target.cpu_s() - before)
            assert answer.codes <= {"TOO_COMPLEX", "BAD_USER_INPUT"}
            assert answer.codes or answer.refused
    print(f"BOMB {median(costs) * 1000:6.1f} ms {answer.reasons or answer.refused} {way.__name__}")
    assert median(costs) < CPU_LIMIT_S
    assert "Traceback" not in target.server.log[said:]
