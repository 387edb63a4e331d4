"""What hostile peers do. An attack is a coroutine whose name is a sentence; it asserts what it is answered with."""

from collections.abc import Awaitable, Callable

from tests.hostile.asking import WAYS, Ask, Way
from tests.hostile.target import Target

Attack = Callable[[Target], Awaitable[None]]


class Attacks(list[Attack]):
    """The attacks of a module, in their order."""

    def __call__(self, attack: Attack) -> Attack:
        self.append(attack)
        return attack

    def over_both(self, questions: Callable[[Target, Ask], Awaitable[None]]) -> None:
        """Add one for each transport, by which `questions` asks."""
        for name, way in WAYS.items():

            async def attack(target: Target, way: Way = way) -> None:
                async with way(target) as ask:
                    await questions(target, ask)

            attack.__name__ = f"{questions.__name__}_{name.replace(' ', '_')}"
            self(attack)
