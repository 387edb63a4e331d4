"""What hostile peers do. An attack is a coroutine whose name is a sentence; it asserts what it is answered with."""

from collections.abc import Awaitable, Callable

from tests.hostile.target import Target

Attack = Callable[[Target], Awaitable[None]]


class Attacks(list[Attack]):
    """The attacks of a module, in their order."""

    def __call__(self, attack: Attack) -> Attack:
        self.append(attack)
        return attack
